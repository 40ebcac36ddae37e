"""The order of contraction: every node once, the same each time, little added, and right whichever way made it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from paper_towns import roadmap_of

from routing.engine import ENGINES, open_engine
from routing.topology import ABSENT_MS, build_topology

pytestmark = pytest.mark.skipif("cch" not in ENGINES, reason="no wheel of pyroutingkit for this machine")

Edges = list[tuple[int, int]]
SIDE = 30
CITY: Edges = [(n, n + 1) for n in range(SIDE * SIDE) if n % SIDE < SIDE - 1]
CITY += [(n, n + SIDE) for n in range(SIDE * (SIDE - 1))]
WAYS = ["metis-5", "flow-5"]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    from routing.engine import ordering

    if request.param.startswith("metis"):
        pytest.importorskip("pymetis", reason="no wheel of pymetis for this machine")
    monkeypatch.setattr(ordering, "WAY", request.param)
    return request.param


def ordered(nodes: int, edges: Edges) -> list[int]:
    from routing.engine.ordering import contraction_order

    ends = np.array(edges, np.uint32).reshape(-1, 2)
    lat, lon = (np.arange(nodes) // SIDE).astype(np.float32), (np.arange(nodes) % SIDE).astype(np.float32)
    return contraction_order(ends[:, 0], ends[:, 1], lat, lon).tolist()


def contracted(order: list[int], edges: Edges) -> dict[int, set[int]]:
    """For each node its neighbours when it is contracted, found by contracting."""
    beside: dict[int, set[int]] = {node: set() for node in order}
    for u, v in edges:
        if u != v:
            beside[u].add(v)
            beside[v].add(u)
    for node in order:
        for one in beside[node]:
            beside[one] |= beside[node] - {one}
            beside[one].discard(node)
    return beside


def arcs(order: list[int], edges: Edges) -> int:
    return sum(map(len, contracted(order, edges).values()))


def triangles(order: list[int], edges: Edges) -> int:
    return sum(len(above) * (len(above) - 1) // 2 for above in contracted(order, edges).values())


def depth(order: list[int], edges: Edges) -> int:
    """How many nodes the longest climb of a search passes."""
    above, place, climb = contracted(order, edges), {node: at for at, node in enumerate(order)}, dict[int, int]()
    for node in reversed(order):
        climb[node] = 1 + max((climb[min(above[node], key=place.__getitem__)],) if above[node] else (0,))
    return max(climb.values())


# An order.


def test_every_node_is_contracted_once_whatever_the_streets_are_like(way: str):
    chance = np.random.default_rng(1)
    towns = [(int(nodes), int(nodes * degree)) for nodes in (1, 2, 3, 5, 60, 300) for degree in (0, 0.5, 1, 2, 4)]
    for nodes, count in towns:  # loops, parallels, isolated nodes and pieces among them
        streets = [tuple(pair) for pair in chance.integers(0, nodes, (count, 2)).tolist()]
        assert sorted(ordered(nodes, streets)) == list(range(nodes)), (nodes, count)


def test_the_same_arcs_give_the_same_order_each_time(way: str):
    assert ordered(SIDE * SIDE, CITY) == ordered(SIDE * SIDE, CITY[::-1])


def test_lonely_nodes_beside_a_dense_core_are_no_obstacle(way: str):
    dense = [(u, v) for u in range(700) for v in (u * 7 % 700, (u + 1) % 700)]
    assert sorted(ordered(701, dense)) == list(range(701))


# What it adds.


def test_streets_without_a_circle_need_no_arc_more(way: str):
    tree = [(node, (node - 1) // 3) for node in range(1, 400)]
    assert arcs(ordered(400, tree), tree) == len(tree)


def test_a_long_road_is_halved_again_and_again(way: str):
    ring = [(node, (node + 1) % 900) for node in range(900)]
    order = ordered(900, ring)
    assert arcs(order, ring) < 2 * len(ring)  # two above each node at most
    assert depth(order, ring) < 60
    assert depth(list(range(900)), ring) == 900  # one after the other


def test_a_dead_end_at_every_crossing_makes_no_work_more(way: str):
    dead_ends = [(node, node + SIDE * SIDE) for node in range(SIDE * SIDE)]
    with_them = ordered(2 * SIDE * SIDE, CITY + dead_ends)
    assert triangles(with_them, CITY + dead_ends) == triangles(ordered(SIDE * SIDE, CITY), CITY)


def test_a_city_takes_less_work_than_in_the_routers_own_order(tmp_path: Path):
    pytest.importorskip("pymetis", reason="no wheel of pymetis for this machine")
    from pyroutingkit import CCHTopology

    at, ends = np.arange(SIDE * SIDE), np.array(CITY, np.uint32)
    own = CCHTopology()
    own.build(ends[:, 0], ends[:, 1], (at // SIDE).astype(np.float32), (at % SIDE).astype(np.float32), len(at))
    own.save(str(tmp_path))
    theirs = np.fromfile(tmp_path / "order", np.uint32).tolist()
    assert triangles(ordered(SIDE * SIDE, CITY), CITY) < 0.9 * triangles(theirs, CITY)


def test_what_hangs_on_a_node_stands_beside_it_and_costs_nothing():
    from routing.engine import ordering

    streets = [*CITY, *((node, node + SIDE * SIDE) for node in range(0, SIDE * SIDE, 3))]
    nodes = SIDE * SIDE * 2
    order = ordered(nodes, streets)
    ends = np.array(streets, np.uint32)
    thinned = ordering._thin(nodes, ends[:, 0], ends[:, 1])
    core = set(thinned.core.tolist())
    thinned_first = [*np.argsort(thinned.round_of, kind="stable")[: nodes - len(core)].tolist()]
    thinned_first += [node for node in order if node in core]
    assert contracted(order, streets) == contracted(thinned_first, streets)
    place = {node: at for at, node in enumerate(order)}
    near = [place[n] - place[n + SIDE * SIDE] for n in sorted(core) if (n, n + SIDE * SIDE) in set(streets)]
    assert near
    assert all(0 < steps < 30 for steps in near)


def test_a_separator_stands_in_line_and_adds_no_more_for_it():
    from routing.engine import ordering

    chance = np.random.default_rng(6)
    ends = np.array(CITY)
    lat, lon = (np.arange(SIDE * SIDE) // SIDE).astype(np.float32), (np.arange(SIDE * SIDE) % SIDE).astype(np.float32)
    row = np.arange(SIDE * SIDE) // SIDE
    middle = np.flatnonzero(row == SIDE // 2)  # one street is the separator, its crossings in any order
    sides = np.flatnonzero(row != SIDE // 2)
    before = np.concatenate((sides, chance.permutation(middle)))
    after = ordering._in_line(before, ends[:, 0], ends[:, 1], lat, lon)
    assert sorted(after.tolist()) == sorted(before.tolist())
    assert triangles(after.tolist(), CITY) <= triangles(before.tolist(), CITY)
    across = after[np.isin(after, middle)].tolist()
    assert across in (middle.tolist(), middle[::-1].tolist())


# Within the parts between great separators.


def thrifty(order: list[int], edges: Edges, largest: int) -> list[int]:
    from routing.engine.elimination import thriftier

    rank = np.argsort(order)
    ends = np.unique(np.sort(np.array(edges), axis=1), axis=0)
    return np.array(order)[thriftier(rank[ends[:, 0]], rank[ends[:, 1]], len(order), largest)].tolist()


def test_thrift_contracts_every_node_once_and_never_makes_more_triangles():
    chance = np.random.default_rng(8)
    for nodes, degree, largest in ((2, 1, 2), (40, 1, 5), (40, 2, 40), (120, 1.5, 30), (120, 3, 1)):
        town: Edges = [(u, v) for u, v in chance.integers(0, nodes, (int(nodes * degree), 2)).tolist() if u != v]
        before = chance.permutation(nodes).tolist()
        after = thrifty(before, town, largest)
        assert sorted(after) == list(range(nodes)), (nodes, degree, largest)
        assert triangles(after, town) <= triangles(before, town), (nodes, degree, largest)


def test_thrift_in_the_parts_leaves_the_great_separator_above_them_and_its_arcs_as_they_were():
    row = np.arange(SIDE * SIDE) // SIDE
    middle = np.flatnonzero(row == SIDE // 2)
    before = np.concatenate((np.flatnonzero(row != SIDE // 2), middle)).tolist()
    after = thrifty(before, CITY, SIDE * SIDE // 2)
    assert after[-SIDE:] == middle.tolist()
    were, are = contracted(before, CITY), contracted(after, CITY)
    assert all(were[node] == are[node] for node in middle.tolist())
    assert triangles(after, CITY) < 0.5 * triangles(before, CITY)  # row by row before


def test_thrift_always_takes_the_node_that_joins_the_fewest_anew_for_each_neighbour():
    from routing.engine.elimination import STEP, _Paper

    chance = np.random.default_rng(9)
    ends = np.unique(np.sort(chance.integers(0, 60, (140, 2)), axis=1), axis=0)
    ends = ends[ends[:, 0] != ends[:, 1]]
    paper = _Paper(ends[:, 0], ends[:, 1], 60)
    order = paper.contract(list(range(40)), below=10**6)

    beside = {node: {v if u == node else u for u, v in ends.tolist() if node in (u, v)} for node in range(60)}
    height, left, naive, made = dict.fromkeys(range(60), 0), set(range(40)), list[int](), 0

    def score(node: int) -> tuple[float, int]:
        near = beside[node]
        apart = sum(1 for u in near for v in near if u < v and v not in beside[u])
        return (apart + 1) / (len(near) + 1) + STEP * height[node], node

    while left:
        node = min(left, key=score)
        left.remove(node)
        naive.append(node)
        made += len(beside[node]) * (len(beside[node]) - 1) // 2
        for one in beside[node]:
            beside[one] = (beside[one] | beside[node]) - {one, node}
            height[one] = max(height[one], height[node] + 1)
    assert order == naive
    assert all(paper._beside[node] == beside[node] for node in range(40, 60))
    for below, found in ((made + 1, naive), (made, None), (made // 3, None)):
        another = _Paper(ends[:, 0], ends[:, 1], 60)
        assert another.contract(list(range(40)), below=below) == found
        assert all(another._beside[node] == beside[node] for node in range(40, 60))  # gone all the same


def test_a_long_road_is_no_long_climb_for_thrift_either():
    from routing.engine.elimination import _Paper

    ring: Edges = [(node, (node + 1) % 900) for node in range(900)]
    at = np.arange(900)
    order = _Paper(at, (at + 1) % 900, 900).contract(at.tolist(), below=900)
    assert order is not None
    assert depth(order, ring) < 60


def test_all_that_lies_below_a_node_stands_just_before_it_and_the_arcs_are_the_same():
    from routing.engine.elimination import climbs, in_one_piece

    chance, ends = np.random.default_rng(10), np.array(CITY)
    before = chance.permutation(SIDE * SIDE)
    rank = np.argsort(before)
    parent, _ = climbs(rank[ends[:, 0]], rank[ends[:, 1]], SIDE * SIDE)
    after = before[in_one_piece(parent)].tolist()
    assert sorted(after) == list(range(SIDE * SIDE))
    assert contracted(after, CITY) == contracted(before.tolist(), CITY)
    place = np.argsort(after)
    parent, _ = climbs(place[ends[:, 0]], place[ends[:, 1]], SIDE * SIDE)
    first = list(range(SIDE * SIDE))  # of the subtree below each node
    for node, over in enumerate(parent):
        first[over] = min(first[over], first[node]) if over >= 0 else first[over]
    sizes = [1] * (SIDE * SIDE)
    for node, over in enumerate(parent):
        if over >= 0:
            sizes[over] += sizes[node]
    assert [node - low + 1 for node, low in enumerate(first)] == sizes


# In the hierarchy.


def streets(chance: np.random.Generator):
    nodes = {n: (31 + 0.01 * (n // SIDE), 121 + 0.01 * (n % SIDE)) for n in range(SIDE * SIDE)}
    oneway = [(u, v, None) for u, v in CITY if chance.random() < 0.9]
    return roadmap_of(nodes, oneway + [(v, u, None) for u, v, _ in oneway if chance.random() < 0.8])


def test_the_times_are_scipys_in_either_order(way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    from routing.engine import hierarchy

    monkeypatch.setattr(hierarchy, "SMALL", 0)
    monkeypatch.setenv("ABOARD_CACHE", str(tmp_path))
    chance = np.random.default_rng(3)
    roads = streets(chance)
    weights = chance.integers(1, 10_000, roads.network.arcs)
    weights[::9] = ABSENT_MS
    nodes = list(range(0, roads.network.nodes, 7))
    quick, truth = open_engine(roads, weights, "cch"), open_engine(roads, weights, "scipy")
    times_ms = truth.times_ms(nodes, nodes)
    assert np.array_equal(quick.times_ms(nodes, nodes), times_ms)
    start, end = divmod(int(times_ms.argmax()), len(nodes))
    longest = quick.path(nodes[start], nodes[end])
    assert longest
    assert weights[longest].sum() == times_ms[start, end]
    (kept,) = (tmp_path / "orders").iterdir()
    assert kept.name.endswith(way)


def test_an_order_that_was_made_another_way_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    from routing.engine import hierarchy, ordering

    monkeypatch.setattr(hierarchy, "SMALL", 0)
    topology = build_topology(streets(np.random.default_rng(4)).network)
    both = hierarchy.BothWays.of(topology)
    for made in ("flow-1", "flow-2", "flow-2"):
        monkeypatch.setattr(ordering, "WAY", made)
        assert hierarchy.order_of(topology, both, tmp_path).native.node_count == topology.nodes
    names = sorted(folder.name for folder in (tmp_path / "orders").iterdir())
    assert [name[-6:] for name in names] == ["flow-1", "flow-2"]


WITHOUT = """
import sys
sys.modules["pymetis"] = None  # importing it raises ImportError, as on a machine that has no wheel for it
import numpy as np
from routing.engine import ordering
side = np.arange(40 * 40) % 40
ends = np.concatenate([[(n, n + 1) for n in range(1600) if n % 40 < 39], [(n, n + 40) for n in range(1560)]])
lat, lon = (np.arange(1600) // 40).astype(np.float32), (np.arange(1600) % 40).astype(np.float32)
order = ordering.contraction_order(*ends.T.astype(np.uint32), lat, lon)
print(ordering.WAY, np.array_equal(np.sort(order), np.arange(1600)))
"""


def test_without_metis_the_routers_own_flow_dissects():
    root = Path(__file__).parent.parent.parent
    told = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, cwd=root, check=True,
        env={"PYTHONPATH": str(root)}, timeout=120,
    )  # fmt: skip
    assert told.stdout.split() == ["flow-5", "True"]
