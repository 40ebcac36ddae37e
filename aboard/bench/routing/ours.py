"""Ours, through the public functions that dispatch itself uses; and the bare binding beside it, call by call.

Writes the question sheet for the peers. Every case asks another ambulance or another day at each call, so that no
answer was kept from the call before. Hospitals are prepared stops; an ambulance is where its receiver says it is and
is put on the road within the time, but where a case says that it is prepared too.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from aboard.bench.routing import meetings
from aboard.bench.routing.days import some_closed, speeds_seen
from aboard.bench.routing.job import PROFILE, Job
from aboard.bench.routing.paper import Paper, paper_of
from aboard.bench.routing.peers import ANSWERS
from aboard.bench.routing.questions import AT, CLOSED, Questions, fixes_drawn, numbers
from aboard.bench.routing.stopwatch import once_ms, times_ms
from routing.costs import Costs
from routing.ground import route, table
from routing.roads import Roadmap
from routing.stops import Stops
from routing.topology import ABSENT_MS, topology_of
from routing.traffic import FREE_FLOW, Observed

FIXES, DAYS, CALLS = 1000, 20, 400


def measure_ours(job: Job) -> dict[str, Any]:
    """All cases but the loads and the turmoil; milliseconds per call."""
    roadmap = job.roads()
    free, questions = job.questions(roadmap)
    paper = paper_of(roadmap, free, questions, job.seed)
    paper.write(job.place)
    world = meetings.world_of(roadmap, free.usable, questions, job.seed)
    told = _asked(job, roadmap, questions, paper)
    told |= {"D": _closed(job, roadmap, questions), "C": _reweighted(job, roadmap, free, questions)}
    told |= _snapped(job, roadmap, free) | meetings.measure_ours(roadmap, world, questions, job.budget_s)
    return told | _beside_the_binding(job, roadmap, free, questions, paper)


def _asked(job: Job, roadmap: Roadmap, questions: Questions, paper: Paper) -> dict[str, Any]:
    ambulances, budget_s = questions.ambulance_places, job.budget_s
    hospitals, prepared = Stops(roadmap, questions.hospital_places), Stops(roadmap, ambulances)

    def one(i: int) -> list[float | None]:
        return table(roadmap, [ambulances[i % len(ambulances)]], hospitals, profile=PROFILE, at=AT)[0]

    def all_pairs(_: int) -> object:
        return table(roadmap, ambulances, hospitals, profile=PROFILE, at=AT)

    def all_prepared(_: int) -> object:
        return table(roadmap, prepared, hospitals, profile=PROFILE, at=AT)

    nodes, places = questions.hospitals + questions.ambulances, questions.hospital_places + ambulances
    place = dict(zip(nodes, places, strict=True))

    def way(i: int) -> object:
        start, end = paper.pairs[i % len(paper.pairs)].tolist()
        return route(roadmap, place[start], place[end], profile=PROFILE, at=AT)

    answers = [[-1 if s is None else round(1000 * s) for s in one(i)] for i in range(ANSWERS)]
    return {
        "answers": answers,
        "A": times_ms(one, CALLS, budget_s=budget_s),
        "B": times_ms(all_pairs, 20, budget_s=budget_s),
        "B_prepared": times_ms(all_prepared, 20, budget_s=budget_s),
        "E": times_ms(way, CALLS, budget_s=budget_s),
    }


def _closed(job: Job, roadmap: Roadmap, questions: Questions) -> list[float]:
    """From one hundred closures, entered as a dispatcher would, to the first answer; another hundred each time, and
    all roads open between."""
    random, arcs = numbers(job.seed, "closed"), roadmap.network.arcs
    days = [
        some_closed(FREE_FLOW, roadmap, random.choice(arcs, min(CLOSED, arcs // 10), replace=False))
        for _ in range(DAYS)
    ]
    hospitals, start = Stops(roadmap, questions.hospital_places), questions.ambulance_places[:1]
    table(roadmap, start, hospitals, profile=PROFILE, at=AT)

    def first(i: int) -> object:
        return table(roadmap, start, hospitals, profile=PROFILE, traffic=days[i % DAYS], at=AT)

    told: list[float] = []
    for i in range(DAYS):
        told.append(once_ms(lambda i=i: first(i)))
        table(roadmap, start, hospitals, profile=PROFILE, at=AT)
    return told


def _reweighted(job: Job, roadmap: Roadmap, free: Costs, questions: Questions) -> list[float]:
    """From the columns that a feed hands over (every arc's speeds) to the first answer; other speeds each time."""
    hospitals, start = Stops(roadmap, questions.hospital_places), questions.ambulance_places[:1]
    table(roadmap, start, hospitals, profile=PROFILE, at=AT)
    told: list[float] = []
    end_s = time.perf_counter() + job.budget_s
    for number in range(DAYS):
        columns = speeds_seen(roadmap, free, job.seed, number)

        def first(columns: Any = columns) -> object:
            traffic = FREE_FLOW.with_observed(Observed.of(roadmap.digest, *columns))
            return table(roadmap, start, hospitals, profile=PROFILE, traffic=traffic, at=AT)

        told.append(once_ms(first))
        if time.perf_counter() > end_s and number > 3:
            break
    return told


def _snapped(job: Job, roadmap: Roadmap, free: Costs) -> dict[str, Any]:
    fixes = fixes_drawn(roadmap, free.usable, job.seed, FIXES)
    return {"G": times_ms(lambda i: roadmap.snap(fixes[i % FIXES], free.usable), FIXES, budget_s=job.budget_s)}


def _beside_the_binding(job: Job, roadmap: Roadmap, free: Costs, questions: Questions, paper: Paper) -> dict[str, Any]:
    """Ours and the bare call in turn on the same rows of the same hierarchy: the middle of what ours takes more. {}
    without the binding."""
    try:
        from pyroutingkit import CCHMetric

        from routing.engine.hierarchy import BothWays, order_of
    except ImportError:
        return {}
    topology = topology_of(roadmap)
    arcs = BothWays.of(topology)
    order = order_of(topology, arcs)
    metric = CCHMetric(order.native)
    weights = np.full(len(arcs.tail), ABSENT_MS, np.uint32)
    weights[: len(topology.pair_tail)] = topology.pair_weights(free.likely_ms, free.free.bound)
    metric.customize(weights[order.rows], 1)
    targets, sources = paper.hospitals.astype(np.uint32), paper.ambulances.astype(np.uint32)
    hospitals = Stops(roadmap, questions.hospital_places)
    ambulances = Stops(roadmap, questions.ambulance_places[:CALLS]).singly()
    for one in ambulances:
        table(roadmap, one, hospitals, profile=PROFILE, at=AT)
    bare: list[float] = []
    told: list[float] = []
    end_s = time.perf_counter() + job.budget_s
    for i in range(CALLS):
        row = i % len(ambulances)
        source = sources[row : row + 1]
        bare.append(once_ms(lambda source=source: metric.distances_many_to_many(source, targets)))
        one = ambulances[row]
        told.append(once_ms(lambda one=one: table(roadmap, one, hospitals, profile=PROFILE, at=AT)))
        if time.perf_counter() > end_s:
            break
    return {"bare": bare, "J": told}
