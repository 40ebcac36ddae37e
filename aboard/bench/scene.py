"""The scenario that `bench live` plays, made from the shipped region: two ambulances stand where they are needed.

Each finds one casualty, the monitors go on, dispatch sends both to the nearest centre; then nothing more happens, and
the streams can be measured. The hospital whose capacity changes is the one that receives them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from casebook.place import Place
from scenarios.format import Scenario, ScenarioCasualty, ScenarioUnit, Step
from scenarios.region import find_region, load_region

REGION, WARD = "yangtze_delta", "sgh_south"
RESOURCE = "ed_bed"  # the count that changes
BEDS = 999  # three digits, so that every change of a run has a number of its own
UNITS = {"B-01": "A", "B-02": "B"}  # vehicle: the casualty that it finds
STARTS_AT = datetime(2021, 4, 18, 1, 30, tzinfo=UTC)
SETTLED_S = 8.0  # from the start until both casualties have a destination, on a quiet machine less
COURSE = (
    {"at": 0, "hr_bpm": 118, "spo2_pct": 93, "sbp_mmhg": 96, "dbp_mmhg": 60, "rr_bpm": 26, "temp_c": 36.3},
    {"at": 600, "hr_bpm": 112, "spo2_pct": 96, "sbp_mmhg": 104, "dbp_mmhg": 64, "rr_bpm": 22, "temp_c": 36.3},
)


def scene(seconds: float, seed: int) -> Scenario:
    """A drill of so many seconds with two full vehicles."""
    found = find_region(REGION)
    assert found is not None, "the region is part of the package"
    region = load_region(found)
    ward = region.hospitals[WARD]
    near = Place(ward.place.lat, ward.place.lon)
    return Scenario(
        id="bench_live", title={"zh": WARD, "en": WARD}, about={"zh": WARD, "en": WARD}, region=region,
        starts_at=STARTS_AT, lasts_s=seconds + 5, seed=seed, severe="A", assumptions=(),
        units=tuple(ScenarioUnit(id, "ambulance_5g", id, id, ward.district, near, full=True) for id in UNITS),
        casualties=tuple(ScenarioCasualty(label, 42, "m", COURSE) for label in UNITS.values()),
        capacity={WARD: {"resus_bay": {"free": 4, "total": 6}, RESOURCE: {"free": 0, "total": BEDS},
                         "ct": {"free": 2, "total": 3}, "theatre": {"free": 2, "total": 4},
                         "trauma_team": {"free": 2, "total": 2}, "icu_bed": {"free": 4, "total": 8}}},
        steps=tuple(Step(number, **step) for number, step in enumerate(_steps(near, seconds), start=1)),
        expectations=(),
    )  # fmt: skip


def _steps(near: Place, seconds: float) -> Iterator[dict[str, Any]]:
    spot = {"lat": near.lat, "lon": near.lon}
    yield {"who": "dispatcher", "at_s": 0.2, "ask": "report_call", "command": {"place": spot, "kind": "traffic"}}
    for unit, label in UNITS.items():
        yield from _mission(unit, label)
    last = {"hospital": WARD, "resource": "ct", "free": 1}
    yield {"who": f"hospital:{WARD}", "at_s": seconds, "ask": "report_capacity", "command": last}


def _mission(unit: str, label: str) -> Iterator[dict[str, Any]]:
    """One vehicle's part: sent, there, casualty found, triaged, and a destination agreed."""
    crew, body = f"crew:{unit}", {"casualty": f"${label}"}
    opened, assigned = {"fact": "incident_opened"}, {"fact": "unit_assigned", "unit": unit}
    rolling, there = {"fact": "unit_en_route", "unit": unit}, {"fact": "unit_on_scene", "unit": unit}
    found, triaged = {"fact": "casualty_found", "label": label}, {"fact": "casualty_triaged", **body}
    proposed = {"fact": "destination_proposed", **body}
    sent = {"incident": "$incident", "unit": unit}
    yield {"who": "dispatcher", "after": opened, "plus_s": 0.1, "ask": "assign_unit", "command": sent}
    yield {"who": crew, "after": assigned, "plus_s": 0.4, "ask": "en_route", "command": {}}
    yield {"who": crew, "after": rolling, "plus_s": 0.4, "ask": "on_scene", "command": {}}
    yield {"who": crew, "after": there, "plus_s": 0.4, "ask": "found_casualty", "command": {"label": label}}
    yield {"who": crew, "after": found, "plus_s": 0.4, "ask": "at_patient", "command": body}
    by_hand = {**body, "method": "manual", "category": "red"}
    yield {"who": crew, "after": found, "plus_s": 0.5, "ask": "triage", "command": by_hand}
    yield {"who": crew, "after": triaged, "plus_s": 0.4, "ask": "request_destination", "command": body}
    yield {"who": "dispatcher", "after": proposed, "plus_s": 0.2, "ask": "choose_destination", "command": body}
