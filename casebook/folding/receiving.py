"""How facts of the receiving end change the picture, from a bed count to the last signature."""

from __future__ import annotations

from casebook import events as e
from casebook.capacity import Closure, Figure, Refusal
from casebook.errors import IllegalStep
from casebook.folding.changing import change_casualty, change_hospital, end_casualty, step_casualty, take_off
from casebook.picture import (
    HospitalState,
    MessageState,
    Occasion,
    Picture,
    changed,
    enrolled_once,
    folds,
    step,
    with_one,
    without,
)


@folds(e.HospitalEnrolled)
def _hospital_enrolled(picture: Picture, event: e.HospitalEnrolled, occasion: Occasion) -> Picture:
    enrolled_once(picture.hospitals, "hospital", event.hospital, event)
    state = HospitalState(
        event.hospital, event.name_zh, event.name_en, event.place, event.capabilities, event.trauma_level,
        event.district, event.pad,
    )  # fmt: skip
    return changed(picture, hospitals=with_one(picture.hospitals, event.hospital, state))


@folds(e.CapacityReported)
def _capacity_reported(picture: Picture, event: e.CapacityReported, occasion: Occasion) -> Picture:
    hospital = picture.get_hospital(event.hospital)
    at, last = event.stated_at or occasion.at, hospital.figures.get(event.resource)
    if event.stated_at is not None and last is not None and at < last.at:
        return picture  # an import behind the live edge is in the log, it does not undo what was stated since
    figure = Figure(event.free, event.total, at, event.author or occasion.by, event.source, event.in_use)
    return change_hospital(picture, hospital.id, figures=with_one(hospital.figures, event.resource, figure))


@folds(e.ServiceClosed)
def _service_closed(picture: Picture, event: e.ServiceClosed, occasion: Occasion) -> Picture:
    hospital = picture.get_hospital(event.hospital)
    closure = Closure(event.resource, event.reason, event.until, occasion.at, occasion.by)
    return change_hospital(picture, hospital.id, closures=with_one(hospital.closures, event.resource, closure))


@folds(e.ServiceReopened)
def _service_reopened(picture: Picture, event: e.ServiceReopened, occasion: Occasion) -> Picture:
    hospital = picture.get_hospital(event.hospital)
    return change_hospital(picture, hospital.id, closures=without(hospital.closures, event.resource))


@folds(e.PrealertSent)
def _prealert_sent(picture: Picture, event: e.PrealertSent, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    stage = step("prealert", state.id, state.prealert, event)
    return change_casualty(
        picture, state.id, prealert=stage, prealert_hospital=event.hospital, prealert_at=occasion.at,
        prealert_due_at=event.due_at, prealert_eta_at=event.eta_at, prealert_level=event.activation_level,
        prealert_repeats=0, times={event.name: occasion.at, **state.times},
    )  # fmt: skip


@folds(e.PrealertRepeated)
def _prealert_repeated(picture: Picture, event: e.PrealertRepeated, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    stage = step("prealert", state.id, state.prealert, event)
    repeats = state.prealert_repeats + 1
    return change_casualty(picture, state.id, prealert=stage, prealert_due_at=event.due_at, prealert_repeats=repeats)


@folds(e.PrealertEscalated)
def _prealert_escalated(picture: Picture, event: e.PrealertEscalated, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    return change_casualty(picture, state.id, prealert=step("prealert", state.id, state.prealert, event))


@folds(e.PrealertAcknowledged)
def _prealert_acknowledged(picture: Picture, event: e.PrealertAcknowledged, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    stage = step("prealert", state.id, state.prealert, event)
    return change_casualty(
        picture, state.id, prealert=stage, acknowledged_at=occasion.at, acknowledged_by=event.by,
        acknowledged_answer=event.answer, acknowledged_note=event.note,
        refusals=without(state.refusals, event.hospital),
        times={event.name: occasion.at, **state.times},
    )  # fmt: skip


@folds(e.CaseRefused)
def _case_refused(picture: Picture, event: e.CaseRefused, occasion: Occasion) -> Picture:
    """Destination and hold stay; that dispatch is to decide again is what a request of the crew would say too."""
    state = picture.get_casualty(event.casualty)
    stage = step("prealert", state.id, state.prealert, event)
    refusal = Refusal(event.hospital, event.reason, occasion.at, event.by)
    return change_casualty(
        picture, state.id, prealert=stage, refusals=with_one(state.refusals, event.hospital, refusal),
        acknowledged_answer="refuse", acknowledged_note=event.reason, requested_at=occasion.at,
        times={event.name: occasion.at, **state.times},
    )  # fmt: skip


@folds(e.PrealertWithdrawn)
def _prealert_withdrawn(picture: Picture, event: e.PrealertWithdrawn, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    stage = step("prealert", state.id, state.prealert, event)
    times = {name: at for name, at in state.times.items() if name not in TIMES_OF_A_WARD}
    return change_casualty(
        picture, state.id, prealert=stage, prealert_hospital=None, prealert_at=None, prealert_due_at=None,
        prealert_eta_at=None, prealert_level=None, prealert_repeats=0, acknowledged_at=None, acknowledged_by="",
        acknowledged_answer="", acknowledged_note="", bay=None, team=None, team_level=None, team_at=None, members={},
        times=times,
    )  # fmt: skip


# What a ward did for a case that then went elsewhere is in the log; the next ward starts with a clean sheet.
TIMES_OF_A_WARD = (
    "prealert_sent",
    "prealert_acknowledged",
    "case_refused",
    "bay_assigned",
    "team_activated",
    "team_complete",
)


@folds(e.BayAssigned)
def _bay_assigned(picture: Picture, event: e.BayAssigned, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    return change_casualty(picture, state.id, bay=event.bay, times={event.name: occasion.at, **state.times})


@folds(e.BayCleared)
def _bay_cleared(picture: Picture, event: e.BayCleared, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    if state.bay != event.bay:
        raise IllegalStep(what=event.name, entity="casualty", id=state.id, stage="not_in_this_bay")
    return change_casualty(picture, state.id, bay=None)


@folds(e.TeamActivated)
def _team_activated(picture: Picture, event: e.TeamActivated, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    members = dict.fromkeys(event.members, ("called", occasion.at))
    times = {name: at for name, at in state.times.items() if name != "team_complete"}  # a larger team is not complete
    return change_casualty(
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
    return change_casualty(picture, state.id, members=members, times=times)


@folds(e.MessageSent)
def _message_sent(picture: Picture, event: e.MessageSent, occasion: Occasion) -> Picture:
    enrolled_once(picture.messages, "message", event.message, event)
    picture.get_casualty(event.casualty)
    state = MessageState(event.message, event.casualty, event.sender, event.text, event.order, occasion.at)
    return changed(picture, messages=with_one(picture.messages, event.message, state))


@folds(e.MessageRead)
def _message_read(picture: Picture, event: e.MessageRead, occasion: Occasion) -> Picture:
    state = picture.messages.get(event.message)
    if state is None:
        raise IllegalStep(what=event.name, entity="message", id=event.message, stage="unknown")
    state = changed(state, read_at=occasion.at, read_by=event.by, read_back=event.read_back)
    return changed(picture, messages=with_one(picture.messages, state.id, state))


@folds(e.CasualtyArrived)
def _casualty_arrived(picture: Picture, event: e.CasualtyArrived, occasion: Occasion) -> Picture:
    return step_casualty(picture, event.casualty, event, occasion, arrived_at=occasion.at)


@folds(e.HandoverStarted)
def _handover_started(picture: Picture, event: e.HandoverStarted, occasion: Occasion) -> Picture:
    return step_casualty(picture, event.casualty, event, occasion)


@folds(e.HandoverSigned)
def _handover_signed(picture: Picture, event: e.HandoverSigned, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    if event.side not in ("crew", "hospital") or event.side in state.signatures:
        raise IllegalStep(what=event.name, entity="casualty", id=state.id, stage=f"signed_{event.side}")
    signatures = {**state.signatures, event.side: (event.by, occasion.at)}
    after = step_casualty(picture, event.casualty, event, occasion, signatures=signatures)
    # The second signature frees the crew: its "back in service" may follow in the same batch of outbox rows.
    return take_off(after, event.casualty) if len(signatures) == 2 else after


@folds(e.HandoverCompleted)
def _handover_completed(picture: Picture, event: e.HandoverCompleted, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    if set(state.signatures) != {"crew", "hospital"}:
        raise IllegalStep(what=event.name, entity="casualty", id=state.id, stage="not_signed_by_both")
    return end_casualty(picture, event.casualty, event, occasion)
