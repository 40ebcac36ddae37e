"""Read turn restrictions: what a restriction relation says, and which sequences of arcs it forbids.

Pure. Meanings: OpenStreetMap wiki, page Relation:restriction, as of 2025. Honouring the sequences is left to
routing/topology.py; who a sequence does not bind stands in Network.turn_exempt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from routing.roads.network import BUS, CAR, CONTRAFLOW, EMERGENCY, Network, replaced

#: Keys that bind a motor car, the most specific first.
KEYS = ("restriction:motorcar", "restriction:motor_vehicle", "restriction:vehicle", "restriction")
NO = frozenset({"no_left_turn", "no_right_turn", "no_straight_on", "no_u_turn", "no_entry", "no_exit"})
ONLY = frozenset({"only_left_turn", "only_right_turn", "only_straight_on", "only_u_turn"})
#: Old tags for the hours in which a restriction holds; like restriction:conditional, not evaluated but counted.
HOURS = ("day_on", "day_off", "hour_on", "hour_off")
EXEMPT = {"emergency": EMERGENCY, "psv": BUS, "bus": BUS, "motorcar": CAR | EMERGENCY, "motor_vehicle": CAR | EMERGENCY}

Member = tuple[str, str, int]  # role, type ("n", "w" or "r"), id


@dataclass(frozen=True, slots=True)
class Restriction:
    """Way ids `froms` to `tos`, over one node or over ways; `only`: every other way out is forbidden instead."""

    only: bool
    froms: tuple[int, ...]
    via_node: int | None
    via_ways: tuple[int, ...]
    tos: tuple[int, ...]
    exempt: int


def read_restriction(tags: Mapping[str, str], members: Sequence[Member]) -> Restriction | str:
    """What the relation says to a motor car, or the reason why it is left out (a key of LoadReport.turns_dropped)."""
    value = next((tags[key] for key in KEYS if key in tags), "")
    if not value:
        return "conditional" if any(key.endswith(":conditional") for key in tags) else "other_vehicles"
    if any(key in tags for key in HOURS):
        return "conditional"
    if value not in NO and value not in ONLY:
        return "unknown_kind"
    exempt = 0
    for word in tags.get("except", "").split(";"):
        exempt |= EXEMPT.get(word.strip(), 0)
    if exempt & CAR:
        return "other_vehicles"
    nodes = tuple(id for role, kind, id in members if role == "via" and kind == "n")
    ways = {
        name: tuple(id for role, kind, id in members if role == name and kind == "w") for name in ("from", "via", "to")
    }
    if not ways["from"] or not ways["to"] or len(nodes) + bool(ways["via"]) != 1:
        return "incomplete"
    return Restriction(value in ONLY, ways["from"], nodes[0] if nodes else None, ways["via"], ways["to"], exempt)


class Lines:
    """The node ids along each way that the loader kept, and the ids of all ways in the file."""

    def __init__(self, way_id: Sequence[int], refs: Sequence[int], count: Sequence[int], seen: Iterable[int]) -> None:
        self.row = {id: row for row, id in enumerate(way_id)}
        self._refs = refs
        self._start = np.concatenate(([0], np.cumsum(np.asarray(count, np.int64))))
        self._seen = frozenset(seen)

    def nodes(self, way_id: int) -> Sequence[int]:
        row = self.row[way_id]
        return self._refs[self._start[row] : self._start[row + 1]]

    def missing(self, ids: Iterable[int]) -> str | None:
        """Why these ways cannot be used: outside the file, or not for us; None when all are here."""
        absent = [id for id in ids if id not in self.row]
        if not absent:
            return None
        return "clipped" if any(id not in self._seen for id in absent) else "not_driven"


def forbid(network: Network, restrictions: Sequence[Restriction], lines: Lines) -> tuple[Network, int, Counter[str]]:
    """The network with the forbidden sequences, how many restrictions are in force on it, and why others are not.

    Reasons: clipped (a member outside the file), not_driven (a member that is no road of ours), unconnected (members
    that do not meet), without_effect (nobody could drive so anyway, or the arcs were dropped with an island).
    """
    arcs = _Arcs(network)
    dropped: Counter[str] = Counter()
    turns: dict[tuple[int, ...], int] = {}
    for restriction in restrictions:
        found = _sequences(restriction, arcs, lines)
        if isinstance(found, str):
            dropped[found] += 1
            continue
        for sequence in found:
            turns[sequence] = turns.get(sequence, 0xFF) & restriction.exempt  # bound by one, bound
    flat = [arc for sequence in turns for arc in sequence]
    size = np.array([len(sequence) for sequence in turns], np.int64)
    with_turns = replaced(
        network,
        turn_arcs=np.array(flat, np.int32),
        turn_start=np.concatenate(([0], np.cumsum(size))).astype(np.int64),
        turn_exempt=np.array(list(turns.values()), np.uint8),
    )
    return with_turns, len(restrictions) - dropped.total(), dropped


class _Arcs:
    """Finds arcs by way and node id. Restrictions speak about lawful driving: contraflow arcs are not among them."""

    def __init__(self, network: Network) -> None:
        lawful = np.flatnonzero((network.access & (0xFF ^ CONTRAFLOW)) > 0)
        self._tail, self._head = network.node_id[network.tail], network.node_id[network.head]
        self._way = network.way
        self._by_tail = lawful[np.argsort(self._tail[lawful], kind="stable")]
        self._by_head = lawful[np.argsort(self._head[lawful], kind="stable")]
        self._tails, self._heads = self._tail[self._by_tail], self._head[self._by_head]

    def out_of(self, node: int) -> NDArray[np.intp]:
        begin, end = np.searchsorted(self._tails, (node, node + 1))
        return self._by_tail[begin:end]

    def into(self, node: int, way: int) -> list[int]:
        begin, end = np.searchsorted(self._heads, (node, node + 1))
        return [int(arc) for arc in self._by_head[begin:end] if self._way[arc] == way]

    def onto(self, node: int, way: int) -> list[int]:
        return [int(arc) for arc in self.out_of(node) if self._way[arc] == way]

    def between(self, a: int, b: int, way: int) -> int | None:
        return next((arc for arc in self.onto(a, way) if self._head[arc] == b), None)


def _sequences(restriction: Restriction, arcs: _Arcs, lines: Lines) -> list[tuple[int, ...]] | str:
    missing = lines.missing((*restriction.froms, *restriction.via_ways, *restriction.tos))
    if missing:
        return missing
    found: list[tuple[int, ...]] = []
    connected = False
    for way_from, way_to in product(restriction.froms, restriction.tos):
        path = _via_path(restriction, way_from, way_to, lines)
        if path is None:
            continue
        connected = True
        found.extend(_over(restriction, arcs, lines, (way_from, way_to), path))
    return (found or "without_effect") if connected else "unconnected"


def _via_path(
    restriction: Restriction, way_from: int, way_to: int, lines: Lines
) -> list[tuple[int, int, int]] | int | None:
    """The steps (node, node, way) over the via ways, or the via node; None where the members do not meet.

    The from way must end, and the to way begin, at the via: a way that runs through it says nothing about which half
    is meant.
    """
    ends_from, ends_to = _ends(lines.nodes(way_from)), _ends(lines.nodes(way_to))
    if restriction.via_node is not None:
        return restriction.via_node if restriction.via_node in ends_from & ends_to else None
    ways = restriction.via_ways
    for chain in (ways, ways[::-1]) if len(ways) > 1 else (ways,):
        meet = [ends_from, *({*lines.nodes(way)} for way in chain), ends_to]
        stops = [a & b for a, b in pairwise(meet)]
        if all(len(stop) == 1 for stop in stops):
            nodes = [next(iter(stop)) for stop in stops]
            if all(a != b for a, b in pairwise(nodes)):
                return [s for way, (a, b) in zip(chain, pairwise(nodes), strict=True) for s in _walk(lines, way, a, b)]
    return None


def _ends(nodes: Sequence[int]) -> set[int]:
    return {nodes[0], nodes[-1]}


def _walk(lines: Lines, way: int, a: int, b: int) -> list[tuple[int, int, int]]:
    nodes = list(lines.nodes(way))
    i, j = nodes.index(a), nodes.index(b)
    part = nodes[i : j + 1] if i < j else nodes[j : i + 1][::-1]
    return [(u, v, way) for u, v in pairwise(part) if u != v]


def _over(
    restriction: Restriction,
    arcs: _Arcs,
    lines: Lines,
    ends: tuple[int, int],
    path: list[tuple[int, int, int]] | int,
) -> list[tuple[int, ...]]:
    """The forbidden sequences of one from way and one to way; none where no lawful arcs lie so."""
    entry, leave = (path, path) if isinstance(path, int) else (path[0][0], path[-1][1])
    middle = [] if isinstance(path, int) else [arcs.between(a, b, lines.row[way]) for a, b, way in path]
    if any(arc is None for arc in middle):
        return []
    through = tuple(arc for arc in middle if arc is not None)
    row_from, row_to = lines.row[ends[0]], lines.row[ends[1]]
    meant = arcs.onto(leave, row_to)
    if restriction.only:
        # What only_* orders must exist; otherwise it would shut the road.
        meant = [int(arc) for arc in arcs.out_of(leave) if int(arc) not in meant] if meant else []
    return [(first, *through, last) for first in arcs.into(entry, row_from) for last in meant]
