"""How each fact changes the picture: one short folder per fact, in the order a case is lived.

Registers itself with casebook/picture.py. Which steps are allowed is in casebook/steps.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from casebook import events as e
from casebook.capacity import Closure, Figure, Hold
from casebook.casualty import Findings
from casebook.errors import AlreadyHeld, IllegalStep
from casebook.picture import (
    TREND_LENGTH,
    CasualtyState,
    HospitalState,
    IncidentState,
    MessageState,
    Occasion,
    Picture,
    RoadState,
    Sample,
    TaskState,
    UnitState,
    enrolled_once,
    folds,
    step,
    with_one,
    without,
)
from casebook.steps import Duty
from casebook.vitals import Vitals


def _casualty(picture: Picture, id: str, **changes: Any) -> Picture:
    state = replace(picture.get_casualty(id), **changes)
    return replace(picture, casualties=with_one(picture.casualties, id, state))


def _stepped(picture: Picture, id: str, event: e.Event, occasion: Occasion, **changes: Any) -> Picture:
    """Move a casualty one step by the table, keeping the first time of each fact."""
    state = picture.get_casualty(id)
    stage = step("casualty", id, state.stage, event)
    return _casualty(picture, id, stage=stage, times={event.name: occasion.at, **state.times}, **changes)


def _unit(picture: Picture, id: str, **changes: Any) -> Picture:
    state = replace(picture.get_unit(id), **changes)
    return replace(picture, units=with_one(picture.units, id, state))


# --- drill, incident, tasks


@folds(e.DrillStarted)
def _drill_started(picture: Picture, event: e.DrillStarted, occasion: Occasion) -> Picture:
    return replace(picture, drill=event)


@folds(e.IncidentOpened)
def _incident_opened(picture: Picture, event: e.IncidentOpened, occasion: Occasion) -> Picture:
    enrolled_once(picture.incidents, "incident", event.incident, event)
    state = IncidentState(
        event.incident, event.place, event.kind, event.priority, event.channel, event.summary, occasion.at,
        event.happened_at or occasion.at, event.drill, event.hazards, event.casualties_estimated,
    )  # fmt: skip
    return replace(picture, incidents=with_one(picture.incidents, event.incident, state))


@folds(e.AgencyLinked)
def _agency_linked(picture: Picture, event: e.AgencyLinked, occasion: Occasion) -> Picture:
    state = picture.get_incident(event.incident)
    state = replace(state, agencies=(*state.agencies, (event.agency, event.note, occasion.at)))
    return replace(picture, incidents=with_one(picture.incidents, state.id, state))


@folds(e.IncidentClosed)
def _incident_closed(picture: Picture, event: e.IncidentClosed, occasion: Occasion) -> Picture:
    state = picture.get_incident(event.incident)
    state = replace(state, stage=step("incident", state.id, state.stage, event))
    return replace(picture, incidents=with_one(picture.incidents, state.id, state))


@folds(e.TaskOpened)
def _task_opened(picture: Picture, event: e.TaskOpened, occasion: Occasion) -> Picture:
    enrolled_once(picture.tasks, "task", event.task, event)
    picture.get_incident(event.incident)
    state = TaskState(event.task, event.incident, event.kind, event.to, event.due_at, occasion.at, event.note)
    return replace(picture, tasks=with_one(picture.tasks, event.task, state))


@folds(e.TaskApproved, e.TaskRefused, e.TaskDone, e.TaskEscalated)
def _task_moved(picture: Picture, event: Any, occasion: Occasion) -> Picture:
    state = picture.get_task(event.task)
    stage = step("task", state.id, state.stage, event)
    state = replace(state, stage=stage, to=getattr(event, "to", state.to), settled_at=occasion.at)
    state = replace(state, approver=getattr(event, "approver", state.approver))
    return replace(picture, tasks=with_one(picture.tasks, state.id, state))


# --- units


@folds(e.UnitEnrolled)
def _unit_enrolled(picture: Picture, event: e.UnitEnrolled, occasion: Occasion) -> Picture:
    enrolled_once(picture.units, "unit", event.unit, event)
    state = UnitState(
        event.unit, event.kind, event.name_zh, event.name_en, event.district, event.base, event.station
    )  # fmt: skip
    return replace(picture, units=with_one(picture.units, event.unit, state))


@folds(e.UnitAssigned)
def _unit_assigned(picture: Picture, event: e.UnitAssigned, occasion: Occasion) -> Picture:
    picture.get_incident(event.incident)
    unit = picture.get_unit(event.unit)
    duty = step("unit", unit.id, unit.duty, event)
    return _unit(
        picture, unit.id, duty=duty, duty_at=occasion.at, incident=event.incident, purpose=event.purpose,
        leg=event.leg, leg_at=occasion.at if event.leg else None, times={event.name: occasion.at},
    )  # fmt: skip


@folds(e.LegGiven)
def _leg_given(picture: Picture, event: e.LegGiven, occasion: Occasion) -> Picture:
    unit = picture.get_unit(event.unit)
    step("unit", unit.id, unit.duty, event)
    return _unit(picture, unit.id, leg=event.leg, leg_at=occasion.at, purpose=event.purpose)


@folds(
    e.UnitOnStandby, e.UnitAcknowledged, e.UnitEnRoute, e.UnitOnScene, e.UnitAtPatient, e.UnitLeftScene,
    e.UnitAtLandingSite, e.UnitAtDestination,
)  # fmt: skip
def _unit_moved(picture: Picture, event: Any, occasion: Occasion) -> Picture:
    unit = picture.get_unit(event.unit)
    duty = step("unit", unit.id, unit.duty, event)
    incident = getattr(event, "incident", unit.incident)
    times = {**unit.times, event.name: occasion.at}
    after = _unit(picture, unit.id, duty=duty, duty_at=occasion.at, incident=incident, times=times)
    if isinstance(event, e.UnitAtPatient):
        after = _casualty(after, event.casualty, unit=after.get_casualty(event.casualty).unit or unit.id)
    return after


@folds(e.UnitBackInService, e.UnitStoodDown)
def _unit_free(picture: Picture, event: Any, occasion: Occasion) -> Picture:
    unit = picture.get_unit(event.unit)
    if unit.aboard:
        raise IllegalStep(what=event.name, entity="unit", id=unit.id, stage="casualty_aboard")
    duty = step("unit", unit.id, unit.duty, event)
    times = {**unit.times, event.name: occasion.at}
    return _unit(
        picture, unit.id, duty=duty, duty_at=occasion.at, incident=None, purpose="", leg=None, leg_at=None, times=times
    )


@folds(e.PositionReported)
def _position_reported(picture: Picture, event: e.PositionReported, occasion: Occasion) -> Picture:
    unit = picture.get_unit(event.unit)
    if unit.position_at is not None and occasion.at < unit.position_at:
        return picture  # history arriving behind the live edge is in the log, it does not move the unit back
    return _unit(picture, event.unit, position=event, position_at=occasion.at)


# --- casualties


@folds(e.CasualtyFound)
def _casualty_found(picture: Picture, event: e.CasualtyFound, occasion: Occasion) -> Picture:
    enrolled_once(picture.casualties, "casualty", event.casualty, event)
    picture.get_incident(event.incident)
    state = CasualtyState(event.casualty, event.incident, event.label, event.age_years, event.sex)
    state = replace(state, times={event.name: occasion.at})
    return replace(picture, casualties=with_one(picture.casualties, event.casualty, state))


@folds(e.CasualtyTriaged)
def _casualty_triaged(picture: Picture, event: e.CasualtyTriaged, occasion: Occasion) -> Picture:
    tags = (*picture.get_casualty(event.casualty).triage, (occasion.at, event))
    newest = max(tags, key=lambda tag: tag[0])[1]
    return _stepped(picture, event.casualty, event, occasion, triage=tags, category=newest.category)


@folds(e.FindingsRecorded)
def _findings_recorded(picture: Picture, event: e.FindingsRecorded, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    before = state.findings or Findings()
    names = [name for name in Findings.__dataclass_fields__ if getattr(event.findings, name) != getattr(before, name)]
    told = {**state.findings_told, **dict.fromkeys(names, occasion.at)}
    return _casualty(picture, state.id, findings=event.findings, findings_at=occasion.at, findings_told=told)


@folds(e.VitalsRecorded)
def _vitals_recorded(picture: Picture, event: e.VitalsRecorded, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    Vitals.from_dict(event.vitals)  # whoever sent it: what is impossible is no measurement
    sample = Sample(occasion.at, event.vitals, event.unit, occasion.epoch, occasion.unit_seq)
    trend = (*state.trend, sample)
    if state.trend and sample.at < state.trend[-1].at:  # back-filled history goes where it belongs in time
        trend = tuple(sorted(trend, key=lambda one: one.at))
    times = {event.name: occasion.at, **state.times}
    return _casualty(picture, state.id, trend=_trimmed(trend), times=times)


def _trimmed(trend: tuple[Sample, ...]) -> tuple[Sample, ...]:
    """The trend at its length, oldest first out; a sample with the newest value of some field (a coma score that was
    taken once) stays as long as nothing newer has come."""
    if len(trend) <= TREND_LENGTH:
        return trend
    for number, sample in enumerate(trend):
        if all(any(name in later.vitals for later in trend[number + 1 :]) for name in sample.vitals):
            return trend[:number] + trend[number + 1 :]
    return trend


@folds(e.WishStated)
def _wish_stated(picture: Picture, event: e.WishStated, occasion: Occasion) -> Picture:
    picture.get_hospital(event.hospital)
    return _casualty(picture, event.casualty, wish=event.hospital)


@folds(e.CasualtyBoarded)
def _casualty_boarded(picture: Picture, event: e.CasualtyBoarded, occasion: Occasion) -> Picture:
    unit = picture.get_unit(event.unit)
    after = _stepped(picture, event.casualty, event, occasion, unit=unit.id)
    return _unit(after, unit.id, aboard=(*unit.aboard, event.casualty))


@folds(e.CasualtyTransferred)
def _casualty_transferred(picture: Picture, event: e.CasualtyTransferred, occasion: Occasion) -> Picture:
    giver, taker = picture.get_unit(event.from_unit), picture.get_unit(event.to_unit)
    for unit in (giver, taker):
        if unit.duty is not Duty.AT_LANDING_SITE:
            raise IllegalStep(what=event.name, entity="unit", id=unit.id, stage=str(unit.duty))
    if event.casualty not in giver.aboard:
        raise IllegalStep(what=event.name, entity="unit", id=giver.id, stage="not_aboard")
    after = _stepped(picture, event.casualty, event, occasion, unit=taker.id)
    after = _unit(after, giver.id, aboard=tuple(one for one in giver.aboard if one != event.casualty))
    return _unit(after, taker.id, aboard=(*taker.aboard, event.casualty))


@folds(e.CasualtyClosed)
def _casualty_closed(picture: Picture, event: e.CasualtyClosed, occasion: Occasion) -> Picture:
    after = _stepped(picture, event.casualty, event, occasion)
    return _off_unit(after, event.casualty)


def _off_unit(picture: Picture, casualty: str) -> Picture:
    carrier = next((unit for unit in picture.units.values() if casualty in unit.aboard), None)
    if carrier is None:
        return picture
    return _unit(picture, carrier.id, aboard=tuple(one for one in carrier.aboard if one != casualty))


# --- destination


@folds(e.DestinationRequested)
def _destination_requested(picture: Picture, event: e.DestinationRequested, occasion: Occasion) -> Picture:
    return _casualty(picture, event.casualty, requested_at=occasion.at)


@folds(e.DestinationProposed)
def _destination_proposed(picture: Picture, event: e.DestinationProposed, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    times = {event.name: occasion.at, **state.times}
    return _casualty(
        picture, state.id, proposal=event.decision, proposed_at=occasion.at, requested_at=None, stranded=(), times=times
    )


@folds(e.NoDestination)
def _no_destination(picture: Picture, event: e.NoDestination, occasion: Occasion) -> Picture:
    return _casualty(picture, event.casualty, stranded=event.rejected, requested_at=None, proposal=None)


@folds(e.DestinationChosen)
def _destination_chosen(picture: Picture, event: e.DestinationChosen, occasion: Occasion) -> Picture:
    picture.get_hospital(event.option.hospital)
    return _stepped(
        picture, event.casualty, event, occasion, option=event.option, chosen_at=occasion.at,
        rejected=event.rejected, override_reason=event.override_reason, stranded=(),
    )  # fmt: skip


@folds(e.HoldPlaced)
def _hold_placed(picture: Picture, event: e.HoldPlaced, occasion: Occasion) -> Picture:
    picture.get_casualty(event.casualty)
    hold = Hold(event.hospital, event.resource, event.slot, event.casualty, event.until)
    present = picture.holds.get(hold.key)
    if present is not None and present.casualty != hold.casualty and present.until > occasion.at:
        raise AlreadyHeld(resource=hold.resource, hospital=hold.hospital, holder=present.casualty)
    return replace(picture, holds=with_one(picture.holds, hold.key, hold))


@folds(e.HoldReleased)
def _hold_released(picture: Picture, event: e.HoldReleased, occasion: Occasion) -> Picture:
    key = Hold(event.hospital, event.resource, event.slot, event.casualty, occasion.at).key
    present = picture.holds.get(key)
    if present is None or present.casualty != event.casualty:
        raise IllegalStep(what=event.name, entity="hold", id=key, stage="not_held")
    return replace(picture, holds=without(picture.holds, key))


# --- the receiving end


@folds(e.HospitalEnrolled)
def _hospital_enrolled(picture: Picture, event: e.HospitalEnrolled, occasion: Occasion) -> Picture:
    enrolled_once(picture.hospitals, "hospital", event.hospital, event)
    state = HospitalState(
        event.hospital, event.name_zh, event.name_en, event.place, event.capabilities, event.trauma_level,
        event.district, event.pad,
    )  # fmt: skip
    return replace(picture, hospitals=with_one(picture.hospitals, event.hospital, state))


def _hospital(picture: Picture, id: str, **changes: Any) -> Picture:
    state = replace(picture.get_hospital(id), **changes)
    return replace(picture, hospitals=with_one(picture.hospitals, id, state))


@folds(e.CapacityReported)
def _capacity_reported(picture: Picture, event: e.CapacityReported, occasion: Occasion) -> Picture:
    hospital = picture.get_hospital(event.hospital)
    figure = Figure(event.free, event.total, occasion.at, occasion.by, event.source)
    return _hospital(picture, hospital.id, figures=with_one(hospital.figures, event.resource, figure))


@folds(e.ServiceClosed)
def _service_closed(picture: Picture, event: e.ServiceClosed, occasion: Occasion) -> Picture:
    hospital = picture.get_hospital(event.hospital)
    closure = Closure(event.resource, event.reason, event.until, occasion.at, occasion.by)
    return _hospital(picture, hospital.id, closures=with_one(hospital.closures, event.resource, closure))


@folds(e.ServiceReopened)
def _service_reopened(picture: Picture, event: e.ServiceReopened, occasion: Occasion) -> Picture:
    hospital = picture.get_hospital(event.hospital)
    return _hospital(picture, hospital.id, closures=without(hospital.closures, event.resource))


@folds(e.PrealertSent)
def _prealert_sent(picture: Picture, event: e.PrealertSent, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    stage = step("prealert", state.id, state.prealert, event)
    return _casualty(
        picture, state.id, prealert=stage, prealert_hospital=event.hospital, prealert_at=occasion.at,
        prealert_due_at=event.due_at, prealert_eta_at=event.eta_at, prealert_level=event.activation_level,
        prealert_repeats=0, times={event.name: occasion.at, **state.times},
    )  # fmt: skip


@folds(e.PrealertRepeated)
def _prealert_repeated(picture: Picture, event: e.PrealertRepeated, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    stage = step("prealert", state.id, state.prealert, event)
    repeats = state.prealert_repeats + 1
    return _casualty(picture, state.id, prealert=stage, prealert_due_at=event.due_at, prealert_repeats=repeats)


@folds(e.PrealertEscalated)
def _prealert_escalated(picture: Picture, event: e.PrealertEscalated, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    return _casualty(picture, state.id, prealert=step("prealert", state.id, state.prealert, event))


@folds(e.PrealertAcknowledged)
def _prealert_acknowledged(picture: Picture, event: e.PrealertAcknowledged, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    stage = step("prealert", state.id, state.prealert, event)
    return _casualty(
        picture, state.id, prealert=stage, acknowledged_at=occasion.at, acknowledged_by=event.by,
        acknowledged_answer=event.answer, acknowledged_note=event.note,
        times={event.name: occasion.at, **state.times},
    )  # fmt: skip


@folds(e.PrealertWithdrawn)
def _prealert_withdrawn(picture: Picture, event: e.PrealertWithdrawn, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    stage = step("prealert", state.id, state.prealert, event)
    times = {name: at for name, at in state.times.items() if name not in TIMES_OF_A_WARD}
    return _casualty(
        picture, state.id, prealert=stage, prealert_hospital=None, prealert_at=None, prealert_due_at=None,
        prealert_eta_at=None, prealert_level=None, prealert_repeats=0, acknowledged_at=None, acknowledged_by="",
        acknowledged_answer="", acknowledged_note="", bay=None, team=None, team_level=None, team_at=None, members={},
        times=times,
    )  # fmt: skip


# What a ward did for a case that then went elsewhere is in the log; the next ward starts with a clean sheet.
TIMES_OF_A_WARD = ("prealert_sent", "prealert_acknowledged", "bay_assigned", "team_activated", "team_complete")


@folds(e.BayAssigned)
def _bay_assigned(picture: Picture, event: e.BayAssigned, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    return _casualty(picture, state.id, bay=event.bay, times={event.name: occasion.at, **state.times})


@folds(e.BayCleared)
def _bay_cleared(picture: Picture, event: e.BayCleared, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    if state.bay != event.bay:
        raise IllegalStep(what=event.name, entity="casualty", id=state.id, stage="not_in_this_bay")
    return _casualty(picture, state.id, bay=None)


@folds(e.TeamActivated)
def _team_activated(picture: Picture, event: e.TeamActivated, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    members = dict.fromkeys(event.members, ("called", occasion.at))
    times = {name: at for name, at in state.times.items() if name != "team_complete"}  # a larger team is not complete
    return _casualty(
        picture, state.id, team=event.team, team_level=event.level, team_at=occasion.at, members=members,
        times={event.name: occasion.at, **times},
    )  # fmt: skip


@folds(e.TeamMemberReported)
def _team_member_reported(picture: Picture, event: e.TeamMemberReported, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    if event.member not in state.members:
        raise IllegalStep(what=event.name, entity="casualty", id=state.id, stage="member_not_called")
    members = {**state.members, event.member: (event.state, occasion.at)}
    times = state.times
    if all(said == "ready" for said, _ in members.values()):
        times = {"team_complete": occasion.at, **times}
    return _casualty(picture, state.id, members=members, times=times)


@folds(e.MessageSent)
def _message_sent(picture: Picture, event: e.MessageSent, occasion: Occasion) -> Picture:
    enrolled_once(picture.messages, "message", event.message, event)
    picture.get_casualty(event.casualty)
    state = MessageState(event.message, event.casualty, event.sender, event.text, event.order, occasion.at)
    return replace(picture, messages=with_one(picture.messages, event.message, state))


@folds(e.MessageRead)
def _message_read(picture: Picture, event: e.MessageRead, occasion: Occasion) -> Picture:
    state = picture.messages.get(event.message)
    if state is None:
        raise IllegalStep(what=event.name, entity="message", id=event.message, stage="unknown")
    state = replace(state, read_at=occasion.at, read_by=event.by, read_back=event.read_back)
    return replace(picture, messages=with_one(picture.messages, state.id, state))


@folds(e.CasualtyArrived)
def _casualty_arrived(picture: Picture, event: e.CasualtyArrived, occasion: Occasion) -> Picture:
    return _stepped(picture, event.casualty, event, occasion, arrived_at=occasion.at)


@folds(e.HandoverStarted)
def _handover_started(picture: Picture, event: e.HandoverStarted, occasion: Occasion) -> Picture:
    return _stepped(picture, event.casualty, event, occasion)


@folds(e.HandoverSigned)
def _handover_signed(picture: Picture, event: e.HandoverSigned, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    if event.side not in ("crew", "hospital") or event.side in state.signatures:
        raise IllegalStep(what=event.name, entity="casualty", id=state.id, stage=f"signed_{event.side}")
    signatures = {**state.signatures, event.side: (event.by, occasion.at)}
    after = _stepped(picture, event.casualty, event, occasion, signatures=signatures)
    # The second signature frees the crew: its "back in service" may follow in the same batch of outbox rows.
    return _off_unit(after, event.casualty) if len(signatures) == 2 else after


@folds(e.HandoverCompleted)
def _handover_completed(picture: Picture, event: e.HandoverCompleted, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    if set(state.signatures) != {"crew", "hospital"}:
        raise IllegalStep(what=event.name, entity="casualty", id=state.id, stage="not_signed_by_both")
    return _stepped(picture, event.casualty, event, occasion)


# --- roads and feeds


@folds(e.RoadClosed, e.RoadSlowed)
def _road_changed(picture: Picture, event: Any, occasion: Occasion) -> Picture:
    speed = getattr(event, "speed_kmh", None)
    state = RoadState(
        event.closure, event.reason, event.polygon, event.ref, event.bearing_deg, event.until, speed, occasion.at,
        occasion.by,
    )  # fmt: skip
    return replace(picture, roads=with_one(picture.roads, event.closure, state))


@folds(e.RoadReopened)
def _road_reopened(picture: Picture, event: e.RoadReopened, occasion: Occasion) -> Picture:
    if event.closure not in picture.roads:
        raise IllegalStep(what=event.name, entity="road", id=event.closure, stage="open")
    return replace(picture, roads=without(picture.roads, event.closure))


@folds(e.VideoStarted)
def _video_started(picture: Picture, event: e.VideoStarted, occasion: Occasion) -> Picture:
    return replace(picture, streams=with_one(picture.streams, event.stream, event.unit))


@folds(e.VideoStopped)
def _video_stopped(picture: Picture, event: e.VideoStopped, occasion: Occasion) -> Picture:
    return replace(picture, streams=without(picture.streams, event.stream))
