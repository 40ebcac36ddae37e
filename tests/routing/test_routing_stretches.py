"""The stretch from junction to junction that each arc lies on."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paper_towns import Draw, roadmap_of

from routing.roads import Roadmap
from routing.roads.stretches import stretch_m

# A one-way street 1-2-3-4 in three bends, between two squares.
NODES = {
    1: (31.00, 121.00),
    2: (31.001, 121.002),
    3: (31.0, 121.004),
    4: (31.00, 121.006),
    5: (31.01, 121.0),
    6: (31.01, 121.006),
}
WAYS = [
    (1, [1, 2, 3, 4], {"highway": "residential", "oneway": "yes"}),
    (2, [1, 5, 6, 4], {"highway": "primary"}),
    (3, [1, 4], {"highway": "primary"}),
]


def by_edge(roads: Roadmap) -> dict[tuple[int, int], float]:
    metres = stretch_m(roads.network)
    return {roads.edge_of(arc)[:2]: float(metres[arc]) for arc in range(roads.network.arcs)}


def test_a_stretch_runs_from_junction_to_junction_in_both_directions(draw: Draw):
    roads = draw(NODES, WAYS)
    found = by_edge(roads)
    length = {roads.edge_of(arc)[:2]: float(roads.network.length_m[arc]) for arc in range(roads.network.arcs)}
    street = length[1, 2] + length[2, 3] + length[3, 4]
    assert all(found[edge] == pytest.approx(street) for edge in ((1, 2), (2, 3), (3, 4), (4, 3), (3, 2), (2, 1)))
    assert found[1, 4] == pytest.approx(length[1, 4])


def test_a_crossing_in_the_middle_makes_two_stretches(draw: Draw):
    found = by_edge(draw(NODES | {7: (31.005, 121.002)}, [*WAYS, (4, [2, 7, 5], {"highway": "residential"})]))
    assert found[1, 2] != pytest.approx(found[2, 3])
    assert found[2, 3] == pytest.approx(found[3, 4])


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=25))
def test_stretches_are_what_walking_along_them_measures(links: list[tuple[int, int, int]]):
    nodes = {n: (31 + 0.001 * (n // 3), 121 + 0.001 * (n % 3)) for n in range(10)}
    pairs = {(min(u, v), max(u, v), 100.0 * metres) for u, v, metres in links if u != v}
    both = [(u, v, m) for u, v, m in pairs] + [(v, u, m) for u, v, m in pairs]
    if not both:
        return
    network = roadmap_of(nodes, both).network
    graph = nx.MultiGraph()
    metres = stretch_m(network)
    for arc in range(network.arcs):
        if network.tail[arc] < network.head[arc]:
            graph.add_edge(int(network.tail[arc]), int(network.head[arc]), arc=arc, m=float(network.length_m[arc]))

    def walked(u: int, v: int, arc: int) -> dict[int, float]:
        found, ends = {arc: network.length_m[arc]}, [u, v]
        while ends:
            node = ends.pop()
            if graph.degree(node) != 2:
                continue
            for _, far, edge in graph.edges(node, data=True):
                if edge["arc"] not in found:
                    found[edge["arc"]] = edge["m"]
                    ends.append(far)
        return found

    for u, v, edge in graph.edges(data=True):
        assert metres[edge["arc"]] == pytest.approx(sum(walked(u, v, edge["arc"]).values()))
    for arc in range(network.arcs):
        twin = [
            other
            for other in range(network.arcs)
            if (network.tail[other], network.head[other]) == (network.head[arc], network.tail[arc])
            and network.length_m[other] == network.length_m[arc]
        ]
        assert metres[twin[0]] == metres[arc]
