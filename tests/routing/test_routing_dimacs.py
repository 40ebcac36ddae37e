"""Reading DIMACS graphs: partners beside each other, stated times, and what is refused with its line."""

from __future__ import annotations

import gzip
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casebook.errors import RefusedInput
from routing.roads import Roadmap, load_roads
from routing.roads.network import CAR, EMERGENCY

CO = """c corners of a square, 111 m apart
p aux sp co 4
v 1 121000000 31000000
v 2 121001000 31000000
v 3 121001000 31001000
v 4 121000000 31001000
"""
ARCS = [(1, 2, 954), (2, 1, 954), (2, 3, 1112), (3, 2, 1112), (3, 4, 954), (4, 3, 954), (4, 1, 1112), (1, 4, 1112)]
ARCS += [(1, 2, 2000)]  # a parallel way round


def gr(arcs, nodes: int = 4, count: int | None = None, title: str = "c a square") -> str:
    told = len(arcs) if count is None else count
    return "\n".join([title, f"p sp {nodes} {told}", *(f"a {u} {v} {w}" for u, v, w in arcs)]) + "\n"


def times(factor: float = 2.5):
    return [(u, v, round(w * factor)) for u, v, w in ARCS]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "town.co").write_text(CO)
    (tmp_path / "town.distance.gr").write_text(gr(ARCS))
    (tmp_path / "town.traveltime.gr").write_text(gr(times()))
    return tmp_path


def arcs_of(roads: Roadmap) -> list[tuple[int, int, float, int]]:
    net = roads.network
    rows = zip(net.node_id[net.tail], net.node_id[net.head], net.length_m, net.free_ms, strict=True)
    return sorted((int(u), int(v), round(float(m), 3), int(ms)) for u, v, m, ms in rows)


@pytest.mark.parametrize("given", ["town.co", "town.distance.gr", "town.traveltime.gr"])
def test_any_of_the_files_opens_the_whole_graph(folder: Path, given: str):
    roads = load_roads(folder / given)
    assert arcs_of(roads) == sorted((u, v, w / 10, round(round(w * 2.5) * 3.6)) for u, v, w in ARCS)
    assert (roads.name, roads.network.key.max()) == ("town", 1)  # parallel arcs kept
    assert (roads.network.access == CAR | EMERGENCY).all()
    assert "TIGER" in roads.attribution


def test_all_three_files_make_the_digest(folder: Path):
    first = load_roads(folder / "town.co").digest
    assert load_roads(folder / "town.distance.gr").digest == first
    (folder / "town.traveltime.gr").write_text(gr(times(1.0)))
    assert load_roads(folder / "town.co").digest != first


def test_the_class_comes_from_time_over_distance(folder: Path):
    factors = [1.0, 1.25, 1 / 0.6, 2.5, 7.0, 1.0, 1.25, 1 / 0.6, 2.5]
    weights = [(u, v, round(w * factor)) for (u, v, w), factor in zip(ARCS, factors, strict=True)]
    (folder / "town.traveltime.gr").write_text(gr(weights))
    roads = load_roads(folder / "town.co")
    words = ["motorway", "primary", "secondary", "residential", "road"]
    assert [roads.network.tag("highway", arc) for arc in range(9)] == words + words[:4]


def test_without_distances_the_length_is_as_the_crow_flies(folder: Path):
    (folder / "town.distance.gr").unlink()
    roads = load_roads(folder / "town.co")
    assert roads.network.length_m[0] == pytest.approx(95.3, abs=0.1)
    assert roads.network.tag("highway", 0) == "road"
    assert len(roads.network.free_ms) == 9


def test_without_times_none_are_stated(folder: Path):
    (folder / "town.traveltime.gr").unlink()
    assert len(load_roads(folder / "town.co").network.free_ms) == 0


def test_the_challenges_own_names_and_titles_are_understood(tmp_path: Path):
    for kind, arcs in (("d", ARCS), ("t", times())):
        text = gr(arcs, title=f"c TIGER/Line graph USA-road-{kind}.NY")
        (tmp_path / f"USA-road-{kind}.NY.gr.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "USA-road-d.NY.co.gz").write_bytes(gzip.compress(CO.encode()))
    roads = load_roads(tmp_path / "USA-road-t.NY.gr.gz")
    assert roads.network.free_ms[0] == round(round(954 * 2.5) * 3.6)
    assert roads.network.length_m[0] == pytest.approx(95.4)


def test_a_time_of_nothing_is_a_millisecond(folder: Path):
    (folder / "town.traveltime.gr").write_text(gr([(u, v, 0) for u, v, _ in ARCS]))
    assert (load_roads(folder / "town.co").network.free_ms == 1).all()


def refused(path: Path) -> RefusedInput:
    with pytest.raises(RefusedInput) as error:
        load_roads(path)
    assert "{" not in error.value.said("zh") + error.value.said("en")
    return error.value


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (gr([*ARCS[:-1], (1, 9, 5)]), 11),
        (gr([*ARCS[:-1], (0, 1, 5)]), 11),
        (gr([ARCS[0], (1, 2, -5), *ARCS[2:]]), 4),
        (gr(ARCS).replace("a 2 3 1112", "a 2 3 eleven"), 5),
        (gr(ARCS).replace("a 2 3 1112", "a 2 3"), 5),
        (gr(ARCS).replace("a 2 3 1112", "a 2 3 11.5"), 5),
        (gr(ARCS).replace("a 2 3 1112", "x 2 3 1112"), 5),
        ("c nothing announced\na 1 2 3\n", 1),
        ("", 1),
    ],
)
def test_wrong_arcs_are_refused_with_their_line(folder: Path, text: str, line: int):
    (folder / "town.distance.gr").write_text(text)
    error = refused(folder / "town.co")
    assert (error.key, error.facts["line"], error.facts["file"]) == ("roads_malformed", line, "town.distance.gr")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("v 2 121001000 31000000", "v 2 221001000 31000000", 4),
        ("v 2 121001000 31000000", "v 2 121001000 91000000", 4),
        ("v 2 121001000 31000000", "v 1 121001000 31000000", 3),
        ("v 2 121001000 31000000", "v 7 121001000 31000000", 4),
        ("v 2 121001000 31000000", "v 2 east north", 4),
    ],
)
def test_wrong_coordinates_are_refused_with_their_line(folder: Path, old: str, new: str, line: int):
    (folder / "town.co").write_text(CO.replace(old, new))
    error = refused(folder / "town.co")
    assert (error.key, error.facts["line"], error.facts["file"]) == ("roads_malformed", line, "town.co")


@pytest.mark.parametrize(
    ("file", "text", "told", "found"),
    [
        ("town.distance.gr", gr(ARCS, count=12), 12, 9),
        ("town.distance.gr", gr(ARCS, nodes=5), 5, 4),
        ("town.co", CO.replace("co 4", "co 6"), 6, 4),
    ],
)
def test_counts_that_do_not_hold_are_refused(folder: Path, file: str, text: str, told: int, found: int):
    (folder / file).write_text(text)
    error = refused(folder / "town.co")
    assert (error.key, error.facts["told"], error.facts["found"]) == ("dimacs_count", told, found)


def test_distances_and_times_of_different_arcs_are_refused(folder: Path):
    (folder / "town.traveltime.gr").write_text(gr(times()[::-1]))
    assert refused(folder / "town.co").key == "dimacs_differ"


def test_a_file_without_its_partner_is_refused(folder: Path):
    (folder / "town.co").unlink()
    assert refused(folder / "town.distance.gr").key == "dimacs_alone"


def test_weights_of_an_unknown_kind_are_refused(folder: Path):
    (folder / "town.distance.gr").rename(folder / "town.gr")
    assert refused(folder / "town.co").key == "dimacs_kind"


def test_a_file_cut_off_in_the_middle_is_refused(folder: Path):
    whole = gzip.compress(gr(ARCS * 100).encode())
    (folder / "town.distance.gr").unlink()
    (folder / "town.distance.gr.gz").write_bytes(whole[: len(whole) // 2])
    assert refused(folder / "town.co").key == "roads_malformed"


def test_a_graph_in_pieces_keeps_the_largest(folder: Path):
    (folder / "town.traveltime.gr").unlink()
    lonely = CO.replace("co 4", "co 6") + "v 5 122000000 31000000\nv 6 122001000 31000000\n"
    (folder / "town.co").write_text(lonely)
    (folder / "town.distance.gr").write_text(gr([*ARCS, (5, 6, 10), (6, 5, 10)], nodes=6))
    roads = load_roads(folder / "town.co")
    assert (roads.network.nodes, roads.report.nodes_islands, roads.report.arcs_islands) == (4, 2, 2)


def test_new_york_is_read_whole(shared_data: Path):
    roads = load_roads(shared_data / "roads" / "newyork-dimacs.traveltime.gr.gz")
    net = roads.network
    assert (net.nodes, net.arcs) == (264_346, 733_846)
    counts = np.bincount(net.columns["highway"].code[net.way])
    found = {word: int(counts[code]) for code, word in enumerate(net.columns["highway"].words) if counts[code:].any()}
    told = {"motorway": 14_602, "primary": 7_032, "secondary": 18_780, "residential": 693_432}
    assert all(found[word] == pytest.approx(count, abs=20) for word, count in told.items())  # some arcs are too short
    seconds, metres = net.free_ms.sum() / 1000, net.length_m.sum()
    assert 40 < metres / seconds * 3.6 < 50  # nearly all local roads at 40 km/h
    assert not net.turns


@settings(deadline=None, max_examples=60)
@given(
    arcs=st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(0, 5000)), min_size=1, max_size=60),
    packed=st.booleans(),
    remarks=st.booleans(),
)
def test_any_graph_comes_back_as_its_largest_part(tmp_path_factory, arcs, packed: bool, remarks: bool):
    folder, here = tmp_path_factory.mktemp("graph"), {n: (121 + 0.001 * n, 31 + 0.0007 * (n % 5)) for n in range(1, 13)}
    co = "\n".join(["p aux sp co 12", *(f"v {n} {x * 1e6:.0f} {y * 1e6:.0f}" for n, (x, y) in here.items())]) + "\n"
    text = gr(arcs, nodes=12).replace("\n", "\nc a remark\n" if remarks else "\n")
    for name, content in (("x.co", co), ("x.distance.gr", text)):
        (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(here)
    graph.add_edges_from((u, v, {"w": w}) for u, v, w in arcs)
    parts = sorted(nx.strongly_connected_components(graph), key=len)
    kept = [(u, v, w * 0.1) for u, v, w in arcs if any(u in part and v in part for part in parts if len(part) > 1)]
    path = folder / ("x.co" + ".gz" * packed)
    if len(parts[-1]) < 2:
        with pytest.raises(RefusedInput) as refusal:
            load_roads(path)
        assert refusal.value.key == "roads_empty"
        return
    network = load_roads(path).network
    found = sorted(zip(network.node_id[network.tail], network.node_id[network.head], network.length_m, strict=True))
    largest = [part for part in parts if len(part) == len(parts[-1])]
    assert any(found == sorted(arc for arc in kept if {arc[0], arc[1]} <= part) for part in largest)
