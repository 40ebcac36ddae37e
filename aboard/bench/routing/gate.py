"""Before any time counts: the router's answers must equal networkx's, to the millisecond, on thousands of random pairs.

One road map is taken through a day (free, closures, slow roads, all roads changed, opened again, another vehicle) and
asked in each state, so that partial and full updates and their undoing are under test; the truth of each state stands
on weights computed from scratch. Sources and targets lie on nodes, on parallel arcs, in mid-edge, and behind closures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aboard.bench.routing.days import all_changed, some_closed, some_slow
from aboard.bench.routing.questions import (
    AT,
    is_clear,
    is_within,
    middles_drawn,
    nodes_drawn,
    numbers,
    parallels,
    place_of,
    point_on,
)
from aboard.bench.routing.truth import Point, Truth, turns_that_bind
from casebook.place import Place
from routing.costs import Costs, costs_for
from routing.ground import table
from routing.profiles import Profile
from routing.roads.roadmap import Roadmap
from routing.traffic import FREE_FLOW, Traffic

Times = list[list[int | None]]  # ms, sources x targets; None: no way
Ask = Callable[[Roadmap, Sequence[Place], Sequence[Place], Profile, Traffic, str], Times]
NODE_SOURCES, NODE_TARGETS = 6, 36
MID_SOURCES, MID_TARGETS = 2, 10
ON_PARALLELS, ON_TURNS = 2, 3
CLOSED, SLOW, SLOW_KPH = 100, 200, 7.0
TOLD = 5  # of what is wrong, so many are said in full
ON_THE_ROAD_M = 0.5  # as the router has it: a place this near its road stands on it


@dataclass(slots=True)
class Verdict:
    """How many pairs were compared and what was among them; `wrong` says the first that differ."""

    pairs: int = 0
    unreachable: int = 0
    mid_edge: int = 0
    parallel_arcs: int = 0
    one_way_arcs: int = 0
    forbidden_turns: int = 0
    states: list[str] = field(default_factory=list)
    engines: list[str] = field(default_factory=list)
    mismatches: int = 0
    wrong: list[str] = field(default_factory=list)

    def as_view(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def compare(self, truth: Times, answers: Times, where: str) -> None:
        """Count each pair that differs, and keep the first few."""
        for row, (right, told) in enumerate(zip(truth, answers, strict=True)):
            for column, (a, b) in enumerate(zip(right, told, strict=True)):
                if a != b:
                    self.mismatches += 1
                    self.wrong += [f"{where}: {row} -> {column}: {b} != {a}"] * (len(self.wrong) < TOLD)


@dataclass(frozen=True, slots=True)
class State:
    """One time of the day: what holds on the roads, and who drives."""

    name: str
    profile: Profile
    traffic: Traffic


@dataclass(frozen=True, slots=True)
class Pairs:
    """Who asks for where; the last `mid_sources` and `mid_targets` lie within an arc. `hidden` are the nodes of the
    first source and the first target, which closures cut off."""

    sources: list[Place]
    targets: list[Place]
    mid_sources: int
    mid_targets: int
    hidden: tuple[int, int]

    @property
    def mid_edge(self) -> int:
        """Pairs of which one end or both lie within an arc."""
        return len(self.sources) * len(self.targets) - (len(self.sources) - self.mid_sources) * (
            len(self.targets) - self.mid_targets
        )


def asked_in_public(
    roadmap: Roadmap,
    sources: Sequence[Place],
    targets: Sequence[Place],
    profile: Profile,
    traffic: Traffic,
    engine: str,
) -> Times:
    """The public table, in whole ms."""
    rows = table(roadmap, sources, targets, profile=profile, traffic=traffic, at=AT, engine=engine)
    return [[None if seconds is None else round(seconds * 1000) for seconds in row] for row in rows]


def check(
    roadmap: Roadmap, profiles: Sequence[Profile], seed: int, engines: Sequence[str], ask: Ask = asked_in_public
) -> Verdict:
    """Take the road map through the day and compare every answer of every engine; the first profile asks most."""
    free = costs_for(roadmap, profile=profiles[0], engine="scipy")
    pairs = pairs_drawn(roadmap, free, seed)
    told = _counted(roadmap, free, engines)
    known: dict[Any, Times] = {}
    for state in day(roadmap, free, pairs, profiles, seed):
        key = state.profile, state.traffic.holding(AT)
        if key not in known:
            known[key] = truth_of(roadmap, pairs, state)
        for engine in engines:
            answers = ask(roadmap, pairs.sources, pairs.targets, state.profile, state.traffic, engine)
            told.compare(known[key], answers, f"{state.name}, {engine}")
        told.states.append(state.name)
        told.pairs += len(pairs.sources) * len(pairs.targets)
        told.mid_edge += pairs.mid_edge
        told.unreachable += sum(row.count(None) for row in known[key])
    return told


def _counted(roadmap: Roadmap, free: Costs, engines: Sequence[str]) -> Verdict:
    network = roadmap.network
    pair = network.tail.astype(np.int64) * network.nodes + network.head
    back = network.head.astype(np.int64) * network.nodes + network.tail
    one_way = free.usable & ~np.isin(pair, back[free.usable])
    return Verdict(
        parallel_arcs=len(parallels(roadmap, free.likely_ms)),
        one_way_arcs=int(one_way.sum()),
        forbidden_turns=len(network.turn_start) - 1,
        engines=list(engines),
    )


def pairs_drawn(roadmap: Roadmap, free: Costs, seed: int) -> Pairs:
    """Random nodes, ends of parallel arcs that differ in weight, and places within an arc."""
    random, network, usable = numbers(seed, "gate"), roadmap.network, free.usable
    nodes = list(nodes_drawn(roadmap, usable, random, NODE_SOURCES + NODE_TARGETS))
    split = max(1, len(nodes) * NODE_SOURCES // (NODE_SOURCES + NODE_TARGETS))
    twins = random.permutation(parallels(roadmap, free.likely_ms))[:ON_PARALLELS]
    tails, heads = (
        [n for n in dict.fromkeys(ends[twins].tolist()) if is_clear(roadmap, usable, n)]
        for ends in (network.tail, network.head)
    )
    middles = middles_drawn(roadmap, usable, random, MID_SOURCES + MID_TARGETS)
    mids = len(middles) * MID_SOURCES // (MID_SOURCES + MID_TARGETS)
    before, beyond = at_turns(roadmap, usable, random)
    begins, ends = [*middles[:mids], *before], [*middles[mids:], *beyond]
    sources = [place_of(roadmap, node) for node in (*nodes[:split], *tails)] + begins
    targets = [place_of(roadmap, node) for node in (*nodes[split:], *heads)] + ends
    return Pairs(sources, targets, len(begins), len(ends), (nodes[0], nodes[split]))


def at_turns(
    roadmap: Roadmap, usable: NDArray[np.bool_], random: np.random.Generator
) -> tuple[list[Place], list[Place]]:
    """Places on the first and on the last arc of a few forbidden turns."""
    turns = turns_that_bind(roadmap.network, 0)
    drawn = (turns[row] for row in random.permutation(len(turns)).tolist())
    chosen = list(islice((turn for turn in drawn if usable[list(turn)].all()), ON_TURNS))

    def middles(end: int) -> list[Place]:
        places = [point_on(roadmap, turn[end], 0.5) for turn in chosen]
        return [place for place in places if is_within(roadmap, usable, place)]

    return middles(0), middles(-1)


def day(roadmap: Roadmap, free: Costs, pairs: Pairs, profiles: Sequence[Profile], seed: int) -> list[State]:
    """Each state differs from the one before by a few arcs or by all, and three come back to what was."""
    random, network = numbers(seed, "day"), roadmap.network
    source, target = pairs.hidden
    cut_off = np.flatnonzero((network.tail == source) | (network.head == target))
    any_arcs = random.choice(network.arcs, min(CLOSED, network.arcs // 10), replace=False)
    slow_arcs = random.choice(network.arcs, min(SLOW, network.arcs // 10), replace=False)
    closed = some_closed(FREE_FLOW, roadmap, np.union1d(cut_off, any_arcs))
    slowed = some_slow(closed, roadmap, slow_arcs, SLOW_KPH)
    changed = all_changed(roadmap, free, seed, 0)
    both = some_closed(changed, roadmap, any_arcs)
    usual, others = profiles[0], profiles[1:]
    return [
        State("free", usual, FREE_FLOW),
        State("some closed", usual, closed),
        State("some slow too", usual, slowed),
        State("slow roads free again", usual, closed),
        State("all changed", usual, changed),
        State("all changed, some closed", usual, both),
        *(State(f"some closed, {other.name}", other, closed) for other in others),
        State("all changed, opened again", usual, changed),
        State("free again", usual, FREE_FLOW),
    ]


def truth_of(roadmap: Roadmap, pairs: Pairs, state: State) -> Times:
    """networkx's answers, on weights that no update has touched: those of a road map opened for this alone."""
    network, profile = roadmap.network, state.profile
    costs = costs_for(afresh(roadmap), profile=profile, holding=state.traffic.holding(AT), engine="scipy")
    turns = turns_that_bind(network, profile.access) if getattr(profile, "obeys_turns", True) else ()
    truth = Truth(network, costs.likely_ms, turns)
    targets = [points_of(roadmap, costs, place) for place in pairs.targets]
    return [truth.times_ms(points_of(roadmap, costs, place), targets) for place in pairs.sources]


def afresh(roadmap: Roadmap) -> Roadmap:
    """The same roads with nothing remembered of what was asked before."""
    return Roadmap(
        roadmap.network,
        roadmap.report,
        name=roadmap.name,
        digest=roadmap.digest,
        attribution=roadmap.attribution,
        accuracy_m=roadmap.accuracy_m,
        country=roadmap.country,
    )


def points_of(roadmap: Roadmap, costs: Costs, place: Place) -> list[Point]:
    """Where a place lies on the roads that are open, and the ms from the place to its road."""
    kph = costs.off_road_kph.likely
    return [
        Point(snap.arc, snap.fraction, round(snap.distance_m * 3600 / kph) if snap.distance_m > ON_THE_ROAD_M else 0)
        for snap in roadmap.snap(place, costs.usable)
    ]
