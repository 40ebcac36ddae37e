"""What the hub tells one vehicle: its mission, its casualties and where they go, the ward's answers, live capacity.

Pure. The hub calls `unit_view` for the vehicle's feed; what the crew has done since is laid over it on the vehicle
(`overlay`). A vehicle sees only the casualties of its own incident that concern it, and of them no identity.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from ambulance_unit.mission import departed_at
from casebook import events as e
from casebook.capacity import AGE_LIMIT_S
from casebook.casualty import Stage
from casebook.files import files_view
from casebook.guidance import marks_view
from casebook.hoist_place import asks_for_place
from casebook.picture import CasualtyState, HospitalState, Picture, UnitState
from casebook.picture_quality import uplink_view
from casebook.place import HoistPlace
from casebook.recordings import find_running, recording_view
from casebook.wish import wish_answer

MODES = ("road", "rendezvous", "air")
# Reasons by which a way could not be taken at all (dispatch/judging.py writes them).
BARRED_BY = ("capability", "closed", "refused", "capacity", "policy.no_flight", "no_route", "ground_no_road")
_CARRIED = (Stage.ABOARD, Stage.ARRIVED, Stage.HANDING_OVER, Stage.HANDED_OVER)


def unit_view(picture: Picture, unit: str, now: datetime) -> dict[str, Any]:
    """The view of one vehicle at `now`. A unit that is not enrolled sees the hospitals' capacity only.

    Keys: `unit`, `drill`, `incident`, `leg`, `casualties` (by id), `partners` (units met on this mission, by id),
    `hospitals` (by id, with `figures`, each with its author, instant and age limit), `roads`.
    """
    return shared_view(picture, now) | own_view(picture, unit, now)


def shared_view(picture: Picture, now: datetime) -> dict[str, Any]:
    """What every vehicle is told alike: `drill`, `hospitals`, `roads`."""
    return {
        "drill": {"scenario": picture.drill.scenario, "rate": picture.drill.rate} if picture.drill else None,
        "hospitals": {id: _hospital(picture, state, now) for id, state in picture.hospitals.items()},
        "roads": _roads(picture, now),
    }


def own_view(picture: Picture, unit: str, now: datetime) -> dict[str, Any]:
    """What concerns this vehicle alone: `unit`, `incident`, `leg`, `casualties`, `partners`; what there is of them."""
    state = picture.units.get(unit)
    if state is None:
        return {}
    if state.incident is None:
        return {"unit": _unit(state)}
    concerned = [one for one in picture.casualties.values() if concerns(one, state)]
    return mission_view(picture, state, find_partners(picture, state, concerned)) | {
        "casualties": {
            one.id: casualty_view(picture, one, now) | casualty_for_unit(picture, one, unit) for one in concerned
        }
    }


def mission_view(picture: Picture, state: UnitState, partners: Iterable[UnitState]) -> dict[str, Any]:
    """`unit`, `incident`, `leg`, `partners` of a vehicle that has an incident."""
    return {
        "unit": _unit(state),
        "incident": _incident(picture, state.incident or ""),
        "leg": _leg(state),
        "partners": {one.id: _partner(one) for one in partners},
    }


def concerns(casualty: CasualtyState, unit: UnitState) -> bool:
    """Whether a crew sees this casualty: of its incident, and carried by it, planned for it, or still at the scene.

    An aircraft is there for whoever the decision gave it. After a handover or a transfer the giver keeps nothing.
    """
    if casualty.incident != unit.incident or casualty.stage is Stage.CLOSED:
        return False
    planned = flies_with(casualty) == unit.id
    if casualty.stage in _CARRIED:
        return casualty.unit == unit.id or (planned and casualty.stage is Stage.ABOARD)
    return planned or unit.kind != "helicopter"


def is_at_scene(casualty: CasualtyState) -> bool:
    """Whether every crew on the ground sees it."""
    return casualty.stage is not Stage.CLOSED and casualty.stage not in _CARRIED


def flies_with(casualty: CasualtyState) -> str | None:
    """The aircraft that the decision gave it."""
    return casualty.option.aircraft if casualty.option else None


def _unit(state: UnitState) -> dict[str, Any]:
    return {
        "id": state.id, "kind": state.kind, "name_zh": state.name_zh, "name_en": state.name_en,
        "district": state.district, "base": state.base, "duty": state.duty, "duty_at": state.duty_at,
        "purpose": state.purpose, "aboard": state.aboard, "times": state.times, "uplink": uplink_view(state),
    }  # fmt: skip


def _incident(picture: Picture, id: str) -> dict[str, Any]:
    state = picture.get_incident(id)
    return {
        "id": state.id, "place": state.place, "kind": state.kind, "priority": state.priority,
        "summary": state.summary, "received_at": state.received_at, "happened_at": state.happened_at,
        "hazards": state.hazards, "casualties_estimated": state.casualties_estimated, "stage": state.stage,
        "agencies": {agency: at for agency, _, at in state.agencies}, "hoist_place": _hoist_place(state.hoist_place),
    }  # fmt: skip


def _hoist_place(said: HoistPlace | None) -> dict[str, Any] | None:
    return {"clear": said.clear, "at": said.at, "by": said.by.partition(":")[2]} if said else None


def _leg(state: UnitState) -> dict[str, Any] | None:
    leg = state.leg
    if leg is None:
        return None
    departed = departed_at(state.duty, state.leg_at, state.times)
    return {
        "to": leg.to, "line": leg.line, "length_m": leg.length_m, "eta_s": leg.eta_s, "eta_low_s": leg.eta_low_s,
        "eta_high_s": leg.eta_high_s, "mode": leg.mode, "avoids": leg.avoids, "given_at": state.leg_at,
        "eta_at": departed + timedelta(seconds=leg.eta_s) if departed and not state.halted else None,
        "why": state.leg_why or None, "seen_at": state.leg_seen_at, "halted": state.halted,
    }  # fmt: skip


def casualty_view(picture: Picture, state: CasualtyState, now: datetime) -> dict[str, Any]:
    """What every crew that sees this casualty is told alike."""
    hold = picture.find_hold(state.id)
    return {
        "id": state.id, "label": state.label, "age_years": state.age_years, "sex": state.sex, "stage": state.stage,
        "category": state.category, "triage": [_tag(at, tag) for at, tag in state.triage],
        "findings": state.findings, "findings_at": state.findings_at, "unit": state.unit, "wish": state.wish,
        "wish_answer": _wish(state), "diversion": _diversion(state), "requested_at": state.requested_at,
        "proposal": _proposal(state), "destination": _destination(picture, state),
        "stranded": [_rejection(one) for one in state.stranded] or None, "stabilise_at": state.stabilise_at,
        "ask": state.ask or None, "clocks": _clocks(state) or None,
        "hold": {"resource": hold.resource, "slot": hold.slot} if hold and hold.until > now else None,
        "prealert": _prealert(state), "bay": state.bay, "team": _team(state), "arrived_at": state.arrived_at,
        "signatures": {side: {"by": by, "at": at} for side, (by, at) in state.signatures.items()},
        "messages": _messages(picture, state.id), "times": state.times, "tag": state.tag,
        "recording": recording_view(picture, None, state), "files": files_view(state),
        "hoist_asked": (is_at_scene(state) and asks_for_place(state)) or None,
    }  # fmt: skip


def casualty_for_unit(picture: Picture, state: CasualtyState, unit: str) -> dict[str, Any]:
    """What of this casualty is told to this vehicle alone: the marks on its picture, and what is recorded of it now.
    Nothing where there is neither."""
    told: dict[str, Any] = {}
    if marks := marks_view(state, unit):
        told["marks"] = marks
    if find_running(picture, unit) is not None:
        told["recording"] = recording_view(picture, unit, state)
    return told


def _wish(state: CasualtyState) -> dict[str, Any] | None:
    """What the decision says of the wish, with its cost; absent: nobody has answered it."""
    answer = wish_answer(state)
    return {"answer": answer.answer, "cost_s": answer.cost_s} if answer else None


def _diversion(state: CasualtyState) -> dict[str, Any] | None:
    """Where the crew goes instead, and whether the desk has followed, could not (`why`), or has yet to answer."""
    if state.diverted is not None:
        return {
            "hospital": state.diverted.hospital, "reason": state.diverted.reason, "at": state.diverted_at,
            "state": "waiting",
        }  # fmt: skip
    said = state.diversion
    if said is None:
        return None
    told = {"hospital": said.hospital, "reason": said.reason, "at": said.at, "answered_at": said.answered_at}
    return told | ({"state": "failed", "why": said.why} if said.why else {"state": "followed"})


def _tag(at: datetime, tag: e.CasualtyTriaged) -> dict[str, Any]:
    return {"at": at, "method": tag.method, "category": tag.category, "assessor": tag.assessor, "table": tag.table}


def _proposal(state: CasualtyState) -> dict[str, Any] | None:
    """The desk's answer while nobody has said yes to it."""
    if state.proposal is None or state.proposed_at is None or not state.proposal.options:
        return None
    if state.chosen_at is not None and state.chosen_at >= state.proposed_at:
        return None
    first = state.proposal.options[0]
    if state.option is not None and (first.hospital, first.mode) == (state.option.hospital, state.option.mode):
        return None  # decided again and the same: there is nothing to say yes to
    return {**_option(first), "at": state.proposed_at}


def _destination(picture: Picture, state: CasualtyState) -> dict[str, Any] | None:
    if state.option is None:
        return None
    hospital = picture.get_hospital(state.option.hospital)
    return {
        **_option(state.option), "name_zh": hospital.name_zh, "name_en": hospital.name_en, "place": hospital.place,
        "chosen_at": state.chosen_at, "override_reason": state.override_reason or None,
        "runner_up": _runner_up(state), "rejected": [_rejection(one) for one in state.rejected],
    }  # fmt: skip


def _runner_up(state: CasualtyState) -> dict[str, Any] | None:
    """The best way to another hospital that could have been taken; ways not taken stand in their order."""
    there = (one for one in state.rejected if one.hospital != state.hospital and one.eta_s is not None)
    second = next((one for one in there if not any(reason.code in BARRED_BY for reason in one.reasons)), None)
    return _rejection(second) if second else None


def _option(option: e.Option) -> dict[str, Any]:
    return {
        "hospital": option.hospital, "mode": option.mode, "eta_s": option.eta_s, "eta_low_s": option.eta_low_s,
        "eta_high_s": option.eta_high_s, "terms_s": option.terms_s, "rendezvous": option.rendezvous,
        "aircraft": option.aircraft, "decides": option.decides, "reasons": option.reasons, "p_bay": option.p_bay,
        "definitive_s": option.definitive_s, "definitive_low_s": option.definitive_low_s,
        "definitive_high_s": option.definitive_high_s, "onward": option.onward,
    }  # fmt: skip


def _rejection(one: e.Rejection) -> dict[str, Any]:
    return {
        "hospital": one.hospital, "mode": one.mode, "eta_s": one.eta_s, "rendezvous": one.rendezvous,
        "reasons": one.reasons, "p_bay": one.p_bay, "definitive_s": one.definitive_s, "would_win": one.would_win,
    }  # fmt: skip


def _clocks(state: CasualtyState) -> dict[str, Any]:
    """Road, rendezvous and air to the chosen (or proposed) hospital side by side; a mode nobody reckoned is absent."""
    options = [*([state.option] if state.option else []), *(state.proposal.options if state.proposal else ())]
    if not options:
        return {}
    ways: Iterable[e.Option | e.Rejection] = (*options, *state.rejected, *_rejected_of(state.proposal))
    here = [way for way in ways if way.hospital in (options[0].hospital, "")]  # "": what holds for all
    clocks = {}
    for mode in MODES:
        way = min((one for one in here if one.mode == mode), key=_eta_or_last, default=None)
        if way is not None:
            clocks[mode] = {"eta_s": way.eta_s, "rendezvous": way.rendezvous, "reasons": way.reasons}
    return clocks


def _rejected_of(decision: e.Decision | None) -> tuple[e.Rejection, ...]:
    return decision.rejected if decision else ()


def _eta_or_last(way: e.Option | e.Rejection) -> float:
    return way.eta_s if way.eta_s is not None else float("inf")


def _prealert(state: CasualtyState) -> dict[str, Any] | None:
    if state.prealert_at is None:
        return None
    return {
        "stage": state.prealert, "hospital": state.prealert_hospital, "sent_at": state.prealert_at,
        "due_at": state.prealert_due_at, "eta_at": state.prealert_eta_at, "level": state.prealert_level,
        "repeats": state.prealert_repeats, "acknowledged_at": state.acknowledged_at,
        "by": state.acknowledged_by or None, "answer": state.acknowledged_answer or None,
        "note": state.acknowledged_note or None,
    }  # fmt: skip


def _team(state: CasualtyState) -> dict[str, Any] | None:
    if state.team is None:
        return None
    members = {member: {"state": said, "at": at} for member, (said, at) in state.members.items()}
    return {"name": state.team, "level": state.team_level, "at": state.team_at, "members": members}


def _messages(picture: Picture, casualty: str) -> dict[str, Any]:
    return {
        one.id: {
            "sender": one.sender, "text": one.text, "order": one.order, "at": one.at, "read_at": one.read_at,
            "read_by": one.read_by or None, "read_back": one.read_back or None,
        }
        for one in picture.messages.values()
        if one.casualty == casualty
    }  # fmt: skip


def find_partners(picture: Picture, unit: UnitState, concerned: Iterable[CasualtyState]) -> list[UnitState]:
    """Who is met on this mission: the aircraft that comes for a casualty, and the vehicle that brings them to it."""
    if unit.kind == "helicopter":
        named = {one.unit for one in concerned}
    else:
        named = {one.option.aircraft for one in concerned if one.option}
    return [picture.units[id] for id in sorted(one for one in named if one) if id in picture.units and id != unit.id]


def _partner(state: UnitState) -> dict[str, Any]:
    fix, leg = state.position, _leg(state)
    return {
        "id": state.id, "kind": state.kind, "name_zh": state.name_zh, "name_en": state.name_en, "duty": state.duty,
        "duty_at": state.duty_at, "eta_at": leg["eta_at"] if leg else None, "to": leg["to"] if leg else None,
        "position": {"lat": fix.lat, "lon": fix.lon, "at": state.position_at} if fix else None,
    }  # fmt: skip


def _hospital(picture: Picture, state: HospitalState, now: datetime) -> dict[str, Any]:
    figures = {
        resource: {
            "free": figure.free, "total": figure.total, "at": figure.at, "by": figure.by, "source": figure.source,
            "held": len(picture.list_holds(state.id, resource, now)), "limit_s": AGE_LIMIT_S.get(resource, 15 * 60),
        }
        for resource, figure in state.figures.items()
    }  # fmt: skip
    closures = {
        resource: {"reason": closure.reason, "until": closure.until, "at": closure.at, "by": closure.by}
        for resource, closure in state.closures.items()
        if closure.in_force(now)
    }
    return {
        "name_zh": state.name_zh, "name_en": state.name_en, "trauma_level": state.trauma_level, "figures": figures,
        "closures": closures,
    }  # fmt: skip


def _roads(picture: Picture, now: datetime) -> dict[str, Any]:
    return {
        id: {
            "reason": road.reason, "ref": road.ref or None, "bearing_deg": road.bearing_deg, "until": road.until,
            "speed_kmh": road.speed_kmh, "at": road.at,
        }
        for id, road in picture.roads.items()
        if road.until is None or now < road.until
    }  # fmt: skip
