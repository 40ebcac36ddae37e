"""The peers in Python: each answers the same sheet in a process of its own, as a careful user of it would.

Each gives {case: milliseconds per call}, and what it answered to the first ambulances (`answers`), so that everybody
is seen to have answered the same question. A case is left out where the peer cannot do it. Cases: A one ambulance to
all hospitals, B all to all, C all weights changed to the first answer, D so many closures to the first answer, E one
way. Whole tables that would take minutes are measured on a part of the columns and multiplied; `parts` says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aboard.bench.routing.paper import Paper
from aboard.bench.routing.stopwatch import once_ms, times_ms

ANSWERS = 3  # ambulances whose answers are compared across the peers
BUDGET_S = 6.0  # for each case of each peer
SOME_TREES = 4  # of 40, where one takes a second


def measure_networkx(paper: Paper, budget_s: float = BUDGET_S) -> dict[str, Any]:
    """Single-source Dijkstra on a DiGraph of plain ints; the table by trees of the reversed graph (fewer hospitals)."""
    import networkx as nx

    tails, heads = paper.tail.tolist(), paper.head.tolist()
    graph: Any = nx.DiGraph()
    graph.add_weighted_edges_from(zip(tails, heads, paper.ms.tolist(), strict=True))
    sources, targets = paper.ambulances.tolist(), paper.hospitals.tolist()

    def one(i: int) -> list[float]:
        reached = nx.single_source_dijkstra_path_length(graph, sources[i % len(sources)])
        return [reached.get(target, -1) for target in targets]

    def tree(i: int) -> list[float]:
        reached = nx.single_source_dijkstra_path_length(back, targets[i])
        return [reached.get(source, -1) for source in sources]

    def reweighted(i: int) -> list[float]:
        weights = paper.updates[i % len(paper.updates)].tolist()
        nx.set_edge_attributes(graph, dict(zip(zip(tails, heads, strict=True), weights, strict=True)), "weight")
        return one(0)

    def closed(_: int) -> list[float]:
        graph.remove_edges_from(shut)
        answer = one(0)
        graph.add_weighted_edges_from(shut)
        return answer

    def way(i: int) -> object:
        source, target = paper.pairs[i % len(paper.pairs)].tolist()
        return found_way(graph, source, target)

    shut = [(tails[row], heads[row], int(paper.ms[row])) for row in paper.closed.tolist()]
    told: dict[str, Any] = {"answers": [one(i) for i in range(ANSWERS)]}
    told["A"] = times_ms(one, budget_s=budget_s)
    back, some = graph.reverse(copy=False), min(SOME_TREES, len(targets))
    told["B"] = [sum(once_ms(lambda i=i: tree(i)) for i in range(some)) * len(targets) / some]
    told["parts"] = {"B": [some, len(targets)]}
    told["E"] = times_ms(way, budget_s=budget_s)
    told["D"] = times_ms(closed, budget_s=budget_s)
    told["C"] = times_ms(reweighted, budget_s=budget_s)
    return told


def found_way(graph: Any, source: int, target: int) -> tuple[float, list[int]] | None:
    """networkx's quickest search for one way: length and nodes; None where there is none."""
    import networkx as nx

    try:
        return nx.bidirectional_dijkstra(graph, source, target)
    except nx.NetworkXNoPath:
        return None


def measure_scipy(paper: Paper, budget_s: float = BUDGET_S) -> dict[str, Any]:
    """csgraph.dijkstra on a CSR matrix whose numbers are overwritten in place; a closed arc is infinite."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import dijkstra

    size = len(paper.lon)
    start = np.searchsorted(paper.tail, np.arange(size + 1))  # the sheet is ordered by tail and head: CSR as it stands

    def matrix_of(ms: Any) -> Any:
        return csr_matrix((ms.astype(np.float64), paper.head, start), (size, size))

    matrix = matrix_of(paper.ms)
    back = matrix.T.tocsr()
    sources, targets = paper.ambulances, paper.hospitals

    def one(i: int, of: Any = None) -> Any:
        return dijkstra(matrix if of is None else of, indices=sources[i % len(sources)])[targets]

    def all_pairs(_: int) -> Any:
        return dijkstra(back, indices=targets)[:, sources].T

    def reweighted(i: int) -> Any:
        return one(0, matrix_of(paper.updates[i % len(paper.updates)]))

    def closed(_: int) -> Any:
        weights = matrix.data.copy()
        weights[paper.closed] = np.inf
        return one(0, csr_matrix((weights, matrix.indices, matrix.indptr), matrix.shape))

    def way(i: int) -> list[int]:
        source, target = paper.pairs[i % len(paper.pairs)].tolist()
        _, before = dijkstra(matrix, indices=source, return_predecessors=True)
        nodes = [target]
        while nodes[-1] != source and nodes[-1] >= 0:
            nodes.append(int(before[nodes[-1]]))
        return nodes

    answers = [[-1 if np.isinf(ms) else int(ms) for ms in one(i)] for i in range(ANSWERS)]
    asked = {"A": one, "E": way, "D": closed, "C": reweighted, "B": all_pairs}
    return {"answers": answers} | {case: times_ms(ask, budget_s=budget_s) for case, ask in asked.items()}


def measure_igraph(paper: Paper, budget_s: float = BUDGET_S) -> dict[str, Any]:
    """igraph's distances and shortest paths; a closed arc is infinite."""
    import igraph  # pyright: ignore[reportMissingImports] - the user's own, never ours

    graph = igraph.Graph(
        len(paper.lon), list(zip(paper.tail.tolist(), paper.head.tolist(), strict=True)), directed=True
    )
    weights = paper.ms.astype(np.float64).tolist()
    sources, targets = paper.ambulances.tolist(), paper.hospitals.tolist()

    def one(i: int, ms: Any = None) -> Any:
        return graph.distances(sources[i % len(sources)], targets, weights=weights if ms is None else ms)[0]

    def all_pairs(_: int) -> Any:
        return graph.distances(targets, sources, weights=weights, mode="in")

    def closed(_: int) -> Any:
        changed = weights.copy()
        for row in paper.closed.tolist():
            changed[row] = float("inf")
        return one(0, changed)

    def reweighted(i: int) -> Any:
        return one(0, paper.updates[i % len(paper.updates)].tolist())

    def way(i: int) -> Any:
        source, target = paper.pairs[i % len(paper.pairs)].tolist()
        return graph.get_shortest_path(source, target, weights=weights)

    answers = [[-1 if ms == float("inf") else int(ms) for ms in one(i)] for i in range(ANSWERS)]
    asked = {"A": one, "E": way, "D": closed, "C": reweighted, "B": all_pairs}
    return {"answers": answers} | {case: times_ms(ask, budget_s=budget_s) for case, ask in asked.items()}
