"""How long each thing took: moments of the case, intervals of every vehicle's mission, the yardstick. Pure.

Reads entries only; what has not happened is None and passes nothing. Limits stand in report_yardstick.yaml.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from casebook.capacity import AGE_LIMIT_S
from casebook.log import Entry
from casebook.picture import Picture

HELICOPTER = "helicopter"
FIRE_OR_POLICE = ("110", "119", "police", "fire")
MORE_HELP = ("mutual_aid", "cross_district", "air_standby")  # kinds of tasks that ask others for more
FROM_THE_SCENE = ("casualty_found", "casualty_triaged", "findings_recorded", "vitals_recorded")
IMPLIED = "handover"  # the source of a figure that nobody stated: a bay taken by a handover
ENDS = ("unit_back_in_service", "unit_stood_down")
INTERVALS = ("dispatch", "chute", "response", "call_to_scene", "scene", "transport", "handover", "clear")


@cache
def yardstick() -> dict[str, Any]:
    """The table in force."""
    return yaml.safe_load((Path(__file__).parent / "report_yardstick.yaml").read_text(encoding="utf-8"))


@dataclass(slots=True)
class Mission:
    """One vehicle from being told (or standing by) to being free again: the first time of each fact."""

    unit: str
    times: dict[str, datetime] = field(default_factory=dict)
    carried: list[str] = field(default_factory=list)

    @property
    def span(self) -> tuple[datetime, datetime | None]:
        """From its first fact to being free again; None while it is not."""
        freed = (self.times[end] for end in ENDS if end in self.times)
        return min(self.times.values()), next(freed, None)

    def note(self, fact: str, at: datetime) -> None:
        self.times.setdefault(fact, at)


def missions_of(entries: Iterable[Entry]) -> list[Mission]:
    """Every mission, in the order in which they began. Handover facts go to whoever carried the casualty."""
    all_: list[Mission] = []
    running: dict[str, Mission] = {}
    carrier: dict[str, Mission] = {}
    for entry in entries:
        body, unit = entry.body, entry.body.get("unit")
        if entry.kind in ("unit_on_standby", "unit_assigned") and unit not in running:
            running[str(unit)] = Mission(str(unit))
            all_.append(running[str(unit)])
        if entry.kind == "casualty_transferred":
            for side in ("from_unit", "to_unit"):
                _note(running.get(body[side]), entry)
            _carry(carrier, running.get(body["to_unit"]), body["casualty"])
        elif entry.kind == "handover_completed":
            _note(carrier.get(body["casualty"]), entry)
        elif unit in running and (entry.kind.startswith("unit_") or entry.kind.startswith("casualty_")):
            running[unit].note(entry.kind, entry.at)
            if entry.kind == "casualty_boarded":
                _carry(carrier, running[unit], body["casualty"])
        if entry.kind in ENDS:
            running.pop(str(unit), None)
    return all_


def _note(mission: Mission | None, entry: Entry) -> None:
    if mission is not None:
        mission.note(entry.kind, entry.at)


def _carry(carrier: dict[str, Mission], mission: Mission | None, casualty: str) -> None:
    if mission is not None:
        carrier[casualty] = mission
        mission.carried.append(casualty)


def span_s(start: datetime | None, end: datetime | None) -> float | None:
    """Seconds from start to end, to 0.1; None when either never came."""
    return round((end - start).total_seconds(), 1) if start and end else None


def intervals_of(mission: Mission, kind: str, called_at: datetime | None) -> dict[str, float | None]:
    """The mission's intervals in seconds. A helicopter's scene is the landing site where it meets the ambulance."""
    at = mission.times.get
    flies = kind == HELICOPTER
    there = at("unit_at_landing_site") if flies else at("unit_on_scene")
    met = None if flies else at("unit_at_landing_site")
    handed = at("casualty_transferred") if met else at("handover_completed")
    arrived = met or at("unit_at_destination")
    return {
        "dispatch": span_s(called_at, at("unit_assigned")),
        "chute": span_s(at("unit_assigned"), at("unit_en_route")),
        "response": span_s(at("unit_en_route"), there),
        "call_to_scene": span_s(called_at, there),
        "scene": span_s(there, at("unit_left_scene")),
        "transport": span_s(at("unit_left_scene"), arrived),
        "handover": span_s(met or at("casualty_arrived"), handed),
        "clear": span_s(handed, at("unit_back_in_service")),
    }


def interval_lines(entries: Sequence[Entry], picture: Picture) -> list[dict[str, Any]]:
    """One line per mission: unit, kind, and its intervals in seconds."""
    called_at = _first_at(entries, "incident_opened")
    lines: list[dict[str, Any]] = []
    for mission in missions_of(entries):
        unit = picture.units.get(mission.unit)
        kind = unit.kind if unit else ""
        line = {"unit": mission.unit, "kind": kind, "intervals_s": intervals_of(mission, kind, called_at)}
        lines.append(line | {"times": {name: at.isoformat() for name, at in mission.times.items()}})
    return lines


def moments_of(entries: Sequence[Entry], picture: Picture, casualty: str | None) -> dict[str, float]:
    """Seconds from the incident to each first fact of this casualty and of the vehicles that carried them.

    Facts of a helicopter stand as `aircraft_...` (aircraft_at_landing_site), all others under their own name.
    """
    state = picture.casualties.get(casualty or "")
    if state is None:
        return {}
    happened_at = picture.incidents[state.incident].happened_at
    moments = dict(state.times)
    for mission in missions_of(entries):
        unit = picture.units.get(mission.unit)
        if state.id not in mission.carried or unit is None:
            continue
        for fact, at in mission.times.items():
            if fact.startswith("unit_"):
                name = fact.replace("unit_", "aircraft_", 1) if unit.kind == HELICOPTER else fact
                moments.setdefault(name, at)
    found = {name: (at - happened_at).total_seconds() for name, at in moments.items()}
    return {name: round(s, 1) for name, s in sorted(found.items(), key=lambda one: (one[1], one[0]))}


def incident_moments(entries: Sequence[Entry]) -> dict[str, datetime]:
    """The moments of the whole incident that the yardstick counts between; absent when they never came."""
    call = next((entry for entry in entries if entry.kind == "incident_opened"), None)
    if call is None:
        return {}
    mine = [entry for entry in entries if entry.seq >= call.seq]
    told = [entry for entry in mine if entry.kind in FROM_THE_SCENE]
    links = [x for x in mine if x.kind == "agency_linked" and str(x.body["agency"]) in FIRE_OR_POLICE]
    teams, alerts = _of(mine, "team_activated"), _of(mine, "prealert_sent")
    found = {
        "call": [call],
        "first_on_scene": _of(mine, "unit_on_scene"),
        "first_report": told,
        "fire_or_police_linked": [call] if call.body.get("channel") in FIRE_OR_POLICE else links,
        "first_evacuated": _of(mine, "unit_left_scene"),
        "extra_resources": _more_help(mine),
        "first_destination": _of(mine, "destination_chosen"),
        "first_prealert": alerts,
        "first_team": teams,
        "capacity_told": _told_of_room(entries, alerts[0]) if alerts else [],
    }
    moments = {name: min(entry.at for entry in ones) for name, ones in found.items() if ones}
    if told:
        moments["first_report_received"] = min(entry.recorded_at for entry in told)
    return moments


def _more_help(entries: Sequence[Entry]) -> list[Entry]:
    """Whatever brought more than the first vehicle."""
    asked = [x for x in entries if x.kind == "task_opened" and x.body["kind"] in MORE_HELP]
    return [*_of(entries, "unit_assigned")[1:], *_of(entries, "unit_on_standby"), *asked]


def _told_of_room(entries: Sequence[Entry], alert: Entry) -> list[Entry]:
    """What the alerted hospital itself had said of its room, if still fresh at the alert, else what it said next."""
    said = [x for x in _of(entries, "capacity_reported") if x.body["hospital"] == alert.body["hospital"]]
    own = [x for x in said if x.body.get("source") != IMPLIED]
    fresh = [x for x in own if 0 <= (alert.at - x.at).total_seconds() <= AGE_LIMIT_S[x.body["resource"]]]
    return fresh[-1:] or [x for x in own if x.at > alert.at]


def _of(entries: Iterable[Entry], kind: str) -> list[Entry]:
    return [entry for entry in entries if entry.kind == kind]


def _first_at(entries: Iterable[Entry], kind: str) -> datetime | None:
    return next((entry.at for entry in entries if entry.kind == kind), None)


def yardstick_lines(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Every item that a log can show. What was done before its clock started counts as 0; what never came, fails."""
    moments = incident_moments(entries)
    return [_judged(item, moments) for item in yardstick()["measured"]]


def _judged(item: Mapping[str, Any], moments: Mapping[str, datetime]) -> dict[str, Any]:
    start, end = moments.get(item["from"]), moments.get(item["to"])
    found = span_s(start, end)
    actual_s = None if found is None else max(0.0, found)
    return {
        "item": item["item"], "level": item["level"], "limit_s": item["limit_s"], "from": item["from"],
        "to": item["to"], "at": end.isoformat() if end else None, "actual_s": actual_s,
        "passed": actual_s is not None and actual_s <= item["limit_s"],
    }  # fmt: skip
