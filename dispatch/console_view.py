"""What the dispatcher's console shows, folded from the picture: plain values keyed by id, so that patches stay small.

Pure. Instants stand as they are; ages are the screen's. Names of hospitals and units stand once, everything else
refers to their ids. Figures keep author and time; what nobody knows is absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec
from shapely import LineString

from casebook import events as e
from casebook.atmist import newest_vitals
from casebook.capacity import Figure, Hold, free_now
from casebook.casualty import Stage
from casebook.events import Decision
from casebook.log import Entry
from casebook.picture import CasualtyState, HospitalState, IncidentState, Picture, RoadState, UnitState
from casebook.picture_quality import quality_view
from casebook.place import Place
from dispatch.area import Area
from dispatch.arrivals import door_at, leg_eta_at
from dispatch.board import boards
from dispatch.closure_named import lines_of, name_of
from dispatch.journeys import traffic_version
from dispatch.policy import MODES
from dispatch.shift import of_the_shift
from routing.roads import Roadmap
from routing.traffic.ageing import HALVING

# Not for the activity log.
QUIET = (
    "vitals_recorded", "position_reported", "hospital_enrolled", "unit_enrolled", "traffic_observed", "voice_spoke",
    "samples_counted", "samples_shown",
)  # fmt: skip
LOG_LINES = 80
LINE_OFF_DEG = 0.0001  # a drawn line may be off by this much, about 10 m: less than a pixel on a district's map
TOLD_REASONS = 6


def console_view(
    picture: Picture, now: datetime, area: Area, lines: Iterable[Entry] = (), roadmap: Roadmap | None = None
) -> dict[str, Any]:
    """The whole view. `lines`: the newest entries of the book, for the activity log. `roadmap` names the closures."""
    picture = of_the_shift(picture, now)
    version, units = traffic_version(picture, now), picture.units
    return {
        "drill": picture.drill.scenario if picture.drill else None,
        "traffic": version,
        "incidents": {id: incident_view(one, _casualties_of(picture, one)) for id, one in picture.incidents.items()},
        "casualties": {id: _casualty(picture, state, now, version) for id, state in picture.casualties.items()},
        "units": {id: lasting_of_unit(picture, one) | streamed_of_unit(picture, one) for id, one in units.items()},
        "hospitals": {id: _hospital(picture, state, now) for id, state in picture.hospitals.items()},
        "tasks": {id: msgspec.to_builtins(state) for id, state in picture.tasks.items()},
        "roads": {id: road_view(state, now, roadmap) for id, state in picture.roads.items()},
        **area_view(area),
        "boards": boards(picture),
        "feeds": feeds_of(picture),
        "log": {str(entry.seq): log_line(entry) for entry in lines},
    }


def area_view(area: Area) -> dict[str, Any]:
    """What a region is born with."""
    return {
        "districts": {id: {"name_zh": zh, "name_en": en} for id, (zh, en) in area.districts.items()},
        "sites": {site.id: {"place": _place(site.place), "kind": site.kind} for site in area.sites},
    }


def feeds_of(picture: Picture) -> dict[str, Any]:
    """When each feed told something last. `traffic`, by source: `at`, and the ages at which it counts half (`late_s`)
    and no more (`limit_s`). `capacity`, by source: `at` and from how many hospitals its figures are; `silent`: how many
    hospitals nobody knows any figure of."""
    traffic: dict[str, dict[str, Any]] = {}
    for seen in picture.observed:
        traffic[seen.told.source] = {"at": seen.at, "late_s": HALVING.half_life_s, "limit_s": HALVING.oldest_s}
    told = [(one.id, figure) for one in picture.hospitals.values() for figure in one.figures.values()]
    known = [(id, figure) for id, figure in told if figure.free is not None]
    capacity = {
        source: {
            "at": max(figure.at for _, figure in known if figure.source == source),
            "hospitals": len({id for id, figure in known if figure.source == source}),
        }
        for source in sorted({figure.source for _, figure in known})
    }
    silent = len(picture.hospitals) - len({id for id, _ in known})
    return {"traffic": traffic, "capacity": capacity, "silent": silent}


def _place(place: Place) -> dict[str, Any]:
    return {"lat": place.lat, "lon": place.lon, "name_zh": place.name_zh, "name_en": place.name_en} | (
        {"radius_m": place.radius_m} if place.radius_m else {}
    )


def incident_view(state: IncidentState, people: Iterable[CasualtyState]) -> dict[str, Any]:
    first = [one.times["vitals_recorded"] for one in people if "vitals_recorded" in one.times]
    agencies = {str(number): {"agency": name, "at": at} for number, (name, _, at) in enumerate(state.agencies)}
    told = ("kind", "priority", "channel", "summary", "received_at", "happened_at", "drill", "casualties_estimated")
    return {name: getattr(state, name) for name in told} | {
        "place": _place(state.place),
        "stage": state.stage,
        "hazards": state.hazards,
        "agencies": agencies,
        "hoist_place": state.hoist_place,
        "first_data_at": min(first, default=None),
    }


def _casualties_of(picture: Picture, incident: IncidentState) -> list[CasualtyState]:
    return [one for one in picture.casualties.values() if one.incident == incident.id]


def _casualty(picture: Picture, state: CasualtyState, now: datetime, version: str) -> dict[str, Any]:
    hold = picture.find_hold(state.id)
    lasting = lasting_of_casualty(picture, state, hold if hold and hold.until > now else None, version)
    return lasting | {"vitals": newest_vitals(state.trend, now)}


def lasting_of_casualty(picture: Picture, state: CasualtyState, hold: Hold | None, version: str) -> dict[str, Any]:
    """All but what streams: the vitals. `hold`: in force; `version`: of the traffic."""
    found = state.findings
    told = (
        "incident", "label", "age_years", "sex", "category", "stage", "unit", "wish", "requested_at", "proposed_at",
        "chosen_at", "override_reason", "bay", "team", "team_level", "arrived_at",
    )  # fmt: skip
    view = {name: value for name in told if (value := getattr(state, name)) not in (None, "")}
    view |= {"concern": found.concern, "pathway": found.pathway} if found else {}
    view["triaged_at"] = state.triage[-1][0] if state.triage else None
    view["option"] = state.option
    view["eta_at"] = door_at(picture, state)
    view["hold"] = hold
    view["prealert"] = _prealert(state)
    if state.proposal is not None and state.stage in (Stage.FOUND, Stage.TRIAGED, Stage.DESTINED, Stage.ABOARD):
        view["proposal"] = proposal_view(state.proposal)
        view["outdated"] = state.proposal.traffic_version != version
        view["reopened"] = is_reopened(state) or None
    if state.stranded:
        view["stranded"] = [_told(one) for one in state.stranded]
        view |= {"stabilise_at": state.stabilise_at, "ask": state.ask}
    return view


def _prealert(state: CasualtyState) -> dict[str, Any]:
    told = {
        "stage": state.prealert, "hospital": state.prealert_hospital, "at": state.prealert_at,
        "due_at": state.prealert_due_at, "acknowledged_at": state.acknowledged_at, "by": state.acknowledged_by,
        "answer": state.acknowledged_answer, "note": state.acknowledged_note, "repeats": state.prealert_repeats,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value not in (None, "", 0)}


def proposal_view(decision: Decision) -> dict[str, Any]:
    """The ranked options, the losers with what would make them win, the three clocks side by side, and the versions."""
    return {
        "options": [_told(option) for option in decision.options],
        "rejected": [_told(one) for one in decision.rejected],
        "clocks": {mode: clock for mode in MODES if (clock := clock_of(decision, mode)) is not None},
        "rules": decision.rules,
        "inputs": decision.inputs[:12],
        "traffic_version": decision.traffic_version,
        "roads": decision.roads,
        "id": decision.id or None,
        "capacity": decision.capacity or None,
        "unmeasured": msgspec.to_builtins(decision.unmeasured) or None,
        "stabilise_at": decision.stabilise_at,
        "ask": list(decision.ask) or None,
    }


def clock_of(decision: Decision, mode: str) -> dict[str, Any] | None:
    """The best of one mode: the first option that goes this way, else how it fails at the proposed hospital.

    `place` 1 is the proposal. None: nobody ever considered this mode.
    """
    for place, option in enumerate(decision.options, start=1):
        if option.mode == mode:
            return _told(option) | {"place": place}
    home = decision.options[0].hospital if decision.options else ""
    failed = [one for one in decision.rejected if one.mode == mode]
    failed.sort(key=lambda one: (one.hospital != home, one.eta_s is None, one.eta_s or 0.0))
    return _told(failed[0]) if failed else None


def _told(one: e.Option | e.Rejection) -> dict[str, Any]:
    plain = msgspec.to_builtins(one)
    plain["reasons"] = plain["reasons"][:TOLD_REASONS]
    # a merge patch replaces lists whole and merges dicts: terms in order therefore stand as a list of pairs
    for name in ("terms", "causes"):
        plain[name] = [[cause, span_s] for cause, span_s in plain.pop(f"{name}_s").items()]
    return {name: value for name, value in plain.items() if name == "hospital" or value not in (None, "")}


def lasting_of_unit(picture: Picture, state: UnitState) -> dict[str, Any]:
    """All but what streams: where it is, and how good its picture is."""
    told = ("kind", "name_zh", "name_en", "district", "station", "duty", "duty_at", "incident", "purpose", "aboard")
    view = {name: value for name in told if (value := getattr(state, name)) not in (None, "")}
    view["base"] = _place(state.base)
    view["films"] = state.id in picture.streams
    if state.media_key_refused:
        view["media_key"] = {"refused": state.media_key_refused, "at": state.media_key_refused_at}
    if state.leg is not None:
        view["leg"] = _leg(state.leg) | {"eta_at": leg_eta_at(state), "halted": True if state.halted else None}
        view["leg"] |= {"why": state.leg_why or None, "given_at": state.leg_at, "seen_at": state.leg_seen_at}
    return view


def streamed_of_unit(picture: Picture, state: UnitState) -> dict[str, Any]:
    """What changes while it drives and films."""
    view: dict[str, Any] = {"picture": quality_view(picture, state.id)}
    fix = state.position
    if fix is not None:
        view["fix"] = {"lat": fix.lat, "lon": fix.lon, "at": state.position_at, "speed_kmh": fix.speed_kmh}
        view["fix"]["heading_deg"] = fix.heading_deg
    return view


def _leg(leg: e.Leg) -> dict[str, Any]:
    return {
        "to": _place(leg.to), "mode": leg.mode, "eta_s": leg.eta_s, "length_m": leg.length_m, "avoids": leg.avoids,
        "eta_low_s": leg.eta_low_s, "eta_high_s": leg.eta_high_s, "line": drawn(leg.line),
    }  # fmt: skip


@lru_cache(maxsize=256)
def drawn(line: tuple[tuple[float, float, float], ...]) -> list[list[float]]:
    """A leg's line as the map draws it, with no more points than the eye can tell."""
    if len(line) < 3:
        return [[lon, lat] for lon, lat, _ in line]
    simple = LineString([(lon, lat) for lon, lat, _ in line]).simplify(LINE_OFF_DEG)
    return [[round(lon, 5), round(lat, 5)] for lon, lat in simple.coords]


def is_reopened(state: CasualtyState) -> bool:
    """Whether another place than the chosen one was proposed since somebody said yes."""
    if state.option is None or state.chosen_at is None or state.proposal is None or state.proposed_at is None:
        return False
    if state.proposed_at <= state.chosen_at or not state.proposal.options:
        return False
    first = state.proposal.options[0]
    return (first.hospital, first.mode) != (state.option.hospital, state.option.mode)


def _hospital(picture: Picture, state: HospitalState, now: datetime) -> dict[str, Any]:
    holds = {key: hold for key, hold in picture.holds.items() if hold.hospital == state.id and hold.until > now}
    inbound = sum(bound_for(one) == state.id for one in picture.casualties.values())
    return hospital_view(state, holds, inbound, now)


def bound_for(one: CasualtyState) -> str | None:
    """The hospital that it is on its way to, or will be."""
    return one.hospital if one.arrived_at is None and one.stage is not Stage.CLOSED else None


def hospital_view(state: HospitalState, holds: Mapping[str, Hold], inbound: int, now: datetime) -> dict[str, Any]:
    """`holds`: its own in force, by key; `inbound`: how many casualties are on their way to it."""
    names = ("name_zh", "name_en", "district", "trauma_level", "capabilities")
    view: dict[str, Any] = {name: getattr(state, name) for name in names}
    view["place"] = _place(state.place)
    view["pad"] = state.pad is not None
    view["figures"] = {resource: _figure(state.figures[resource], resource, holds, now) for resource in state.figures}
    in_force = {name: closure for name, closure in state.closures.items() if closure.in_force(now)}
    view["closures"] = {
        name: {"reason": one.reason, "until": one.until, "at": one.at, "by": one.by} for name, one in in_force.items()
    }
    view["holds"] = {key: {"casualty": holds[key].casualty, "slot": holds[key].slot} for key in sorted(holds)}
    view["inbound"] = inbound
    return view


def _figure(figure: Figure, resource: str, holds: Mapping[str, Hold], now: datetime) -> dict[str, Any]:
    held = sum(hold.resource == resource for hold in holds.values())
    left = free_now(figure, held, resource, now)
    condition = "known" if left is not None else "unknown" if figure.free is None else "stale"
    told = {"free": figure.free, "total": figure.total, "at": figure.at, "by": figure.by, "source": figure.source}
    return told | {"held": held, "left": left, "state": condition}


def road_view(state: RoadState, now: datetime, roadmap: Roadmap | None) -> dict[str, Any]:
    told = ("reason", "ref", "bearing_deg", "until", "speed_kmh", "at", "by", "polygon")
    view = {name: value for name in told if (value := getattr(state, name)) not in (None, "", ())}
    if roadmap is not None:
        view |= {"name": name_of(roadmap, state), "lines": lines_of(roadmap, state)}
    return view | {"in_force": is_in_force(state, now), "since": state.since}


def is_in_force(state: RoadState, now: datetime) -> bool:
    return (state.since is None or state.since <= now) and (state.until is None or state.until > now)


def is_told(entry: Entry) -> bool:
    """Whether the activity log shows it."""
    return entry.kind not in QUIET


def log_line(entry: Entry) -> dict[str, Any]:
    """One line of the activity log: the word key `event.<kind>` with its plain facts; names are the screen's."""
    return {"at": entry.at, "kind": entry.kind, "by": str(entry.by), "facts": facts_of(entry.body)}


def facts_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The short facts of an entry; of a chosen option its hospital, mode and minutes."""
    facts = {name: value for name, value in body.items() if isinstance(value, str | int | float)}
    option = body.get("option") or next(iter((body.get("decision") or {}).get("options", ())), None)
    if option:
        facts |= {"hospital": option["hospital"], "mode": option["mode"], "eta_min": round(option["eta_s"] / 60, 1)}
    if "criteria" in body:
        facts["criteria"] = body["criteria"]
    if "leg" in body:
        facts["eta_min"] = round(body["leg"]["eta_s"] / 60, 1)
    if body.get("why") and "leg" in body:
        facts["why"] = body["why"]
    return facts
