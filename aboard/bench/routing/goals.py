"""The cases with their goals, and how each is made of what the processes measured. Pure.

The goals were set for New York's 264,346 nodes. How many times a peer must take longer is judged on maps of about that
size only, since a search tree shrinks with the map and a hierarchy's answer hardly does; what is a bound in time or
memory is judged everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aboard.bench.figures import ours_of
from aboard.bench.routing.races import Race, middle

GREAT = 200_000  # nodes; from here on the goals in times of a peer hold
PEERS = ("networkx", "scipy", "igraph", "osrm", "valhalla")
#: case: (name, at most, at least so many times longer)
ASKED: Mapping[str, tuple[str, Mapping[Any, float], Mapping[str, float]]] = {
    "A": ("one_to_hospitals", {"p50": 0.25, "p99": 1.0}, {"networkx": 2000, "scipy": 100, "osrm": 80}),
    "B": ("all_to_hospitals", {"p50": 120.0}, {"networkx": 200, "scipy": 12, "osrm": 15}),
    "C": ("all_changed", {"p50": 100.0}, {"networkx": 20, "osrm": 60}),
    "D": ("closures", {"p50": 10.0}, {"networkx": 75, "osrm": 500}),
    "E": ("way", {"p50": 0.6}, {"networkx": 250}),
}
Parts = Mapping[str, Mapping[str, Any]]


def races_of(parts: Parts, nodes: int) -> list[Race]:
    """All cases of one run, `parts` by the word of the child that measured them; a part that was not run is absent."""
    ours, great = parts["ours"], nodes >= GREAT
    races = [_asked(case, parts, great) for case in ASKED]
    races.insert(2, Race("B", "all_prepared", "ms", ours_of(ours["B_prepared"])))
    races += _loads(parts)
    snapped = {"osmnx": parts["osmnx_snap"]["G"]} if "osmnx_snap" in parts else {}
    races.append(
        Race("G", "snap", "ms", ours_of(ours["G"]), _middles(snapped), {"p50": 0.1}, {"osmnx": 1000} if great else {})
    )
    races += [_meetings(parts, great), *_turmoil(parts, great)]
    if "J" in ours:
        over = [1000 * (told - bare) for told, bare in zip(ours["J"], ours["bare"], strict=True)]
        races.append(Race("J", "over_the_binding", "us", ours_of(over), {}, {"p50": 30.0}))
        races.append(Race("J", "bare_binding", "us", ours_of([1000 * bare for bare in ours["bare"]])))
    return races


def _asked(case: str, parts: Parts, great: bool) -> Race:
    name, at_most, at_least = ASKED[case]
    there = [peer for peer in PEERS if case in parts.get(peer, {})]
    shares = {peer: tuple(parts[peer]["parts"][case]) for peer in there if case in parts[peer].get("parts", {})}
    peers = _middles({peer: parts[peer][case] for peer in there})
    return Race(case, name, "ms", ours_of(parts["ours"][case]), peers, at_most, at_least if great else {}, shares)


def _loads(parts: Parts) -> list[Race]:
    starts = parts["start_from_cache"]["runs"]
    opened = ours_of([run["answered_ms"] / 1000 for run in starts])
    whole = ours_of([run["answered_at_s"] - run["began_s"] for run in starts])
    races = [
        Race("F", "start_from_cache", "s", opened, {}, {"p50": 1.0}),
        Race("F", "start_of_process", "s", whole),
    ]
    first = parts["first_load"]
    others = {name: parts[name] for name in ("osmnx_whole", "osmnx_our_ways") if "ms" in parts.get(name, {})}
    seconds = {name: part["ms"] / 1000 for name, part in others.items()}
    memory = {name: part["resident_mb"] for name, part in others.items()}
    goals = ({"osmnx_whole": 4}, {"osmnx_whole": 3}) if others else ({}, {})
    races.append(Race("F", "first_load", "s", ours_of([first["ms"] / 1000]), seconds, {}, goals[0]))
    races.append(Race("F", "first_load_memory", "MB", ours_of([first["resident_mb"]]), memory, {}, goals[1]))
    races.append(Race("F", "order_once", "s", ours_of([parts["order_once"]["ms"] / 1000])))
    return races


def _meetings(parts: Parts, great: bool) -> Race:
    brute = parts.get("meetings", {})
    peers = _middles({"networkx": brute["H"], "networkx_one_tree": brute["H_one_tree"]}) if brute else {}
    shares = {"networkx": tuple(brute["parts"]["H"])} if brute else {}
    least = {"networkx": 500} if great else {}
    return Race("H", "rendezvous", "ms", ours_of(parts["ours"]["H"]), peers, {"p50": 5.0}, least, shares)


def _turmoil(parts: Parts, great: bool) -> list[Race]:
    """On a small map a hundred closures shut most ways: there many an answer is right for several versions."""
    told = parts.get("turmoil")
    if told is None:
        return []
    wrong, unsure, changes = (ours_of([told[word]]) for word in ("wrong", "unsure", "changes"))
    return [
        Race("I", "turmoil_wrong", "answers", wrong, {}, {"p99": 0}),
        Race("I", "turmoil_unsure", "answers", unsure, {}, {"p99": 0} if great else {}),
        Race("I", "turmoil_answers", "answers", ours_of([told["answers"]])),
        Race("I", "turmoil_changes", "versions", changes),
    ]


def agreed(parts: Parts) -> dict[str, str]:
    """How many of each peer's compared answers equal ours: "120 of 120". Peers know no forbidden turns."""
    right = [ms for row in parts["ours"]["answers"] for ms in row]
    told: dict[str, str] = {}
    for peer in PEERS:
        if "answers" in parts.get(peer, {}):
            theirs = [ms for row in parts[peer]["answers"] for ms in row]
            told[peer] = _equal(right, theirs)
    if "meetings" in parts:
        told["rendezvous"] = _equal(parts["ours"]["winners"], parts["meetings"]["winners"])
    return told


def _equal(right: Sequence[Any], theirs: Sequence[Any]) -> str:
    return f"{sum(a == b for a, b in zip(right, theirs, strict=True))} of {len(right)}"


def _middles(values: Mapping[str, Sequence[float]]) -> dict[str, float]:
    found = {name: middle(some) for name, some in values.items()}
    return {name: value for name, value in found.items() if value is not None}
