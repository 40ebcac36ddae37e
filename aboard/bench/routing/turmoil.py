"""Case I: four threads ask without pause while the traffic changes every 100 ms.

A process that dies is a crash. Every answer is kept with the version that it was asked on, and afterwards held against
scipy's on that version's weights, computed from scratch: it must be that version's answer and no other's.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from aboard.bench.routing.days import all_changed, some_closed
from aboard.bench.routing.gate import afresh
from aboard.bench.routing.job import PROFILE, Job
from aboard.bench.routing.questions import AT, Questions, numbers
from casebook.errors import NoAnswer
from casebook.place import Place
from routing.costs import Costs
from routing.ground import route, table
from routing.roads import Roadmap
from routing.stops import Stops
from routing.traffic import FREE_FLOW, Traffic

THREADS, EVERY_S = 4, 0.1
CONTENTS, WHOLE, CLOSED = 10, 2, 100  # ten different days, two of which change every arc, the others 100 each
ROUTE_EVERY = 10  # one question in ten is for a whole way
Row = tuple[float | None, ...]


@dataclass(slots=True)
class Asker:
    """One thread. `told` counts each different answer: (content of the version, hospital or None for all, answer)."""

    start: Place
    told: Counter[tuple[int, int | None, Row]] = field(default_factory=Counter)
    wrong_version: int = 0
    failed: list[str] = field(default_factory=list)


def days_of(roadmap: Roadmap, free: Costs, questions: Questions, seed: int) -> list[Traffic]:
    """The different contents that versions cycle through. Each closes a road on every asker's way somewhere, so that
    it can be told from the others by its answers."""
    random, arcs = numbers(seed, "turmoil"), roadmap.network.arcs
    hospitals, days = questions.hospital_places, list[Traffic]()
    for number in range(CONTENTS - WHOLE):
        ways = [
            route(roadmap, start, hospitals[(number * THREADS + n) % len(hospitals)], profile=PROFILE, at=AT).edges
            for n, start in enumerate(questions.ambulance_places[:THREADS])
        ]
        on_ways = [roadmap.arcs_of(edges[len(edges) // 2])[0] for edges in ways if edges]
        anywhere = random.choice(arcs, min(CLOSED, arcs // 4) - len(on_ways), replace=False)
        days.append(some_closed(FREE_FLOW, roadmap, np.union1d(anywhere, on_ways).astype(np.intp)))
    return days + [all_changed(roadmap, free, seed, number) for number in range(WHOLE)]


def measure_turmoil(job: Job) -> dict[str, Any]:
    """How many answers there were, how many were not their version's, and how often the traffic changed."""
    roadmap = job.roads()
    free, questions = job.questions(roadmap)
    days = days_of(roadmap, free, questions, job.seed)
    askers = [Asker(place) for place in questions.ambulance_places[:THREADS]]
    changes = run(roadmap, questions, days, askers, job.turmoil_s)
    answers, wrong, unsure = judged(roadmap, questions, days, askers)
    failed = [why for asker in askers for why in asker.failed]
    wrong += len(failed) + sum(asker.wrong_version for asker in askers)
    return {"answers": answers, "wrong": wrong, "unsure": unsure, "changes": changes, "failed": failed[:3]}


def run(roadmap: Roadmap, questions: Questions, days: list[Traffic], askers: list[Asker], seconds: float) -> int:
    """Publish a new version every EVERY_S until the time is over; returns how many."""
    hospitals = Stops(roadmap, questions.hospital_places)
    published: list[tuple[int, Traffic]] = [(0, replace(days[0], version=1))]
    over = threading.Event()

    def keep_asking(asker: Asker) -> None:
        count = 0
        while not over.is_set() and not asker.failed:
            try:
                _ask(roadmap, hospitals, asker, *published[0], count)
            except Exception as broken:  # noqa: BLE001 - whatever it is, it is counted
                asker.failed.append(repr(broken))
            count += 1

    threads = [threading.Thread(target=keep_asking, args=(asker,)) for asker in askers]
    for thread in threads:
        thread.start()
    began_s, changes = time.monotonic(), 0
    while time.monotonic() < began_s + seconds:
        over.wait(max(0.0, began_s + (changes + 1) * EVERY_S - time.monotonic()))
        changes += 1
        content = changes % len(days)
        published[0] = content, replace(days[content], version=changes + 1)
    over.set()
    for thread in threads:
        thread.join(60)
    return changes


def _ask(roadmap: Roadmap, hospitals: Stops, asker: Asker, content: int, traffic: Traffic, count: int) -> None:
    if count % ROUTE_EVERY == 0:
        one = count // ROUTE_EVERY % len(hospitals)
        try:
            way = route(roadmap, asker.start, hospitals.places[one], profile=PROFILE, traffic=traffic, at=AT)
        except NoAnswer:  # closed in: an answer, and the truth must say so too
            asker.told[content, one, (None,)] += 1
            return
        asker.wrong_version += way.traffic_version != traffic.version
        asker.told[content, one, (way.eta_s,)] += 1
    else:
        (row,) = table(roadmap, [asker.start], hospitals, profile=PROFILE, traffic=traffic, at=AT)
        asker.told[content, None, tuple(row)] += 1


def judged(roadmap: Roadmap, questions: Questions, days: list[Traffic], askers: list[Asker]) -> tuple[int, int, int]:
    """(answers, answers that are not their version's, whole rows that would also be another version's)."""
    ends, starts = questions.hospital_places, [asker.start for asker in askers]
    clean = afresh(roadmap)
    right = [table(clean, starts, ends, profile=PROFILE, traffic=day, at=AT, engine="scipy") for day in days]
    rows = [[tuple(row) for row in truth] for truth in right]
    answers = wrong = unsure = 0
    for number, asker in enumerate(askers):
        for (content, hospital, told), count in asker.told.items():
            answers += count
            truth = rows[content][number]
            wrong += count * (told != (truth if hospital is None else (truth[hospital],)))
            unsure += count * (hospital is None and sum(row[number] == told for row in rows) > 1)
    return answers, wrong, unsure
