"""What a drill plugs in where a live run has devices and people's reports: monitors, and the first facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from ambulance_unit.monitor.course import Course
from ambulance_unit.monitor.feed import Monitor
from ambulance_unit.monitor.generator import CourseMonitor
from ambulance_unit.monitor.record import open_record
from casebook import events as e
from scenarios.format import Scenario


class Body(msgspec.Struct, frozen=True):
    """What the monitor will find on a casualty: a course, or a record to play."""

    label: str
    course: tuple[dict[str, Any], ...] = ()
    record: str = ""
    attached_at: datetime | None = None


def monitors(
    bodies: Sequence[Body], record: str, began_at: datetime, rate: float, seed: int
) -> Callable[[str], Monitor | None]:
    """The monitor for a casualty by label: their course or record of the drill, else the vehicle's own record."""
    made: dict[str, Monitor | None] = {}
    by_label: Mapping[str, Body] = {body.label: body for body in bodies}

    def make(label: str) -> Monitor | None:
        body = by_label.get(label)
        if body is not None and body.course:
            number = sum(label.encode())  # the same for every vehicle that carries this casualty
            return CourseMonitor(Course(body.course), began_at, seed=seed * 1000 + number, rate=rate)
        name = body.record if body else record
        return open_record(Path(name), began_at, rate=rate) if name else None

    def find(label: str) -> Monitor | None:
        if label not in made:
            made[label] = make(label)
        return made[label]

    return find


def bodies_of(scenario: Scenario) -> tuple[Body, ...]:
    """The monitors' side of the scenario's casualties."""
    return tuple(Body(one.label, tuple(dict(point) for point in one.course), one.record) for one in scenario.casualties)


def first_facts(scenario: Scenario, rate: float) -> list[e.Event]:
    """What is so before the drill begins: that it is one, its units, what hospitals have reported."""
    facts: list[e.Event] = [e.DrillStarted(scenario.id, scenario.seed, rate, scenario.region.id)]
    facts += [
        e.UnitEnrolled(unit.id, unit.kind, unit.name_zh, unit.name_en, unit.district, unit.place, unit.station)
        for unit in scenario.units
    ]
    facts += [
        e.CapacityReported(hospital, resource, count.get("free"), count.get("total"), "scenario")
        for hospital, counts in scenario.capacity.items()
        for resource, count in counts.items()
    ]
    return facts
