"""How the destination decision and its holds change the picture."""

from __future__ import annotations

from datetime import datetime

from casebook import events as e
from casebook.capacity import WHOLE_HOSPITAL, Forced, Hold
from casebook.errors import AlreadyHeld, IllegalStep
from casebook.folding.changing import change_casualty, change_hospital, step_casualty
from casebook.picture import (
    CasualtyState,
    Diversion,
    Occasion,
    Picture,
    PlanState,
    changed,
    folds,
    with_one,
    without,
)

RESCUED = {"stranded": (), "stabilise_at": None, "ask": ()}  # nobody is stranded who has an answer


@folds(e.DestinationRequested)
def _destination_requested(picture: Picture, event: e.DestinationRequested, occasion: Occasion) -> Picture:
    return change_casualty(picture, event.casualty, requested_at=occasion.at)


@folds(e.CrewDiverted)
def _crew_diverted(picture: Picture, event: e.CrewDiverted, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    picture.get_hospital(event.hospital)
    if state.unit != event.unit or not event.reason.strip():
        raise IllegalStep(what=event.name, entity="casualty", id=state.id, stage=state.stage)
    return change_casualty(picture, state.id, diverted=event, diverted_at=occasion.at)


@folds(e.DiversionFailed)
def _diversion_failed(picture: Picture, event: e.DiversionFailed, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    answered = _diversion_answered(state, occasion, event.why)
    return change_casualty(picture, state.id, diverted=None, diverted_at=None, diversion=answered)


def _diversion_answered(state: CasualtyState, occasion: Occasion, why: str) -> Diversion | None:
    if state.diverted is None or state.diverted_at is None:
        return state.diversion
    return Diversion(state.diverted.hospital, state.diverted.reason, state.diverted_at, occasion.at, why)


def _diversion_after(state: CasualtyState, event: e.DestinationChosen, occasion: Occasion) -> Diversion | None:
    """Followed, overtaken by another choice, or a story of before this choice."""
    if state.diverted is None:
        kept = state.diversion is not None and state.diversion.hospital == event.option.hospital
        return state.diversion if kept else None
    followed = state.diverted.hospital == event.option.hospital
    return _diversion_answered(state, occasion, "" if followed else "chosen_otherwise")


@folds(e.DestinationProposed)
def _destination_proposed(picture: Picture, event: e.DestinationProposed, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    times = {event.name: occasion.at, **state.times}
    return change_casualty(
        picture,
        state.id,
        proposal=event.decision,
        proposed_at=occasion.at,
        requested_at=None,
        times=times,
        **RESCUED,
    )


@folds(e.NoDestination)
def _no_destination(picture: Picture, event: e.NoDestination, occasion: Occasion) -> Picture:
    return change_casualty(
        picture, event.casualty, stranded=event.rejected, stabilise_at=event.stabilise_at, ask=event.ask,
        requested_at=None, proposal=None,
    )  # fmt: skip


@folds(e.DestinationChosen)
def _destination_chosen(picture: Picture, event: e.DestinationChosen, occasion: Occasion) -> Picture:
    counted = _count_forced(picture, event, occasion)
    diversion = _diversion_after(picture.get_casualty(event.casualty), event, occasion)
    return step_casualty(
        counted, event.casualty, event, occasion, option=event.option, chosen_at=occasion.at,
        rejected=event.rejected, override_reason=event.override_reason, diverted=None, diverted_at=None,
        diversion=diversion, **RESCUED,
    )  # fmt: skip


FORCED_CODES = ("closed", "capacity", "refused")  # reasons of an option that say: the hospital had said no


def forced_by(picture: Picture, event: e.DestinationChosen, at: datetime) -> tuple[str, ...]:
    """Why this choice goes against the hospital's word, as codes of FORCED_CODES; empty when it does not.

    From the reasons that the option was recorded with, from a closure of the whole hospital, and from its no to
    this casualty.
    """
    state, hospital = picture.get_casualty(event.casualty), picture.get_hospital(event.option.hospital)
    codes = {reason.code for reason in event.option.reasons}
    closure = hospital.closures.get(WHOLE_HOSPITAL)
    if closure is not None and closure.in_force(at):
        codes.add("closed")
    if hospital.id in state.refusals:
        codes.add("refused")
    return tuple(code for code in FORCED_CODES if code in codes)


def _count_forced(picture: Picture, event: e.DestinationChosen, occasion: Occasion) -> Picture:
    """One more forced allocation of this hospital; the same casualty sent there again by another way is the same."""
    hospital, state = picture.get_hospital(event.option.hospital), picture.get_casualty(event.casualty)
    codes = forced_by(picture, event, occasion.at)
    counted = state.hospital == hospital.id and any(one.casualty == state.id for one in hospital.forced)
    if not codes or counted:
        return picture
    forced = Forced(event.casualty, codes, event.override_reason, occasion.at, occasion.by)
    return change_hospital(picture, hospital.id, forced=(*hospital.forced, forced))


@folds(e.HoldPlaced)
def _hold_placed(picture: Picture, event: e.HoldPlaced, occasion: Occasion) -> Picture:
    picture.get_casualty(event.casualty)
    hold = Hold(event.hospital, event.resource, event.slot, event.casualty, event.until)
    present = picture.holds.get(hold.key)
    if present is not None and present.casualty != hold.casualty and present.until > occasion.at:
        raise AlreadyHeld(resource=hold.resource, hospital=hold.hospital, holder=present.casualty)
    return changed(picture, holds=with_one(picture.holds, hold.key, hold))


@folds(e.HoldSeen)
def _hold_seen(picture: Picture, event: e.HoldSeen, occasion: Occasion) -> Picture:
    hold = Hold(event.hospital, event.resource, event.slot, event.holder, event.until, elsewhere=True)
    picture.get_hospital(event.hospital)
    return changed(picture, holds=with_one(picture.holds, hold.key, hold))


@folds(e.HoldReleased)
def _hold_released(picture: Picture, event: e.HoldReleased, occasion: Occasion) -> Picture:
    key = Hold(event.hospital, event.resource, event.slot, event.casualty, occasion.at).key
    present = picture.holds.get(key)
    if present is None or present.casualty != event.casualty:
        raise IllegalStep(what=event.name, entity="hold", id=key, stage="not_held")
    return changed(picture, holds=without(picture.holds, key))


@folds(e.DistributionProposed)
def _distribution_proposed(picture: Picture, event: e.DistributionProposed, occasion: Occasion) -> Picture:
    """A newer plan takes the older one's place; what a person did not want stays unwanted."""
    picture.get_incident(event.incident)
    tags = [*(one.casualty for one in (*event.rows, *event.left)), *event.not_carried]
    strangers = [tag for tag in tags if picture.get_casualty(tag).incident != event.incident]
    if strangers or len(set(tags)) != len(tags):
        raise IllegalStep(what=event.name, entity="incident", id=event.incident, stage=", ".join(strangers) or "twice")
    before = picture.plans.get(event.incident)
    state = PlanState(event, occasion.at, occasion.by, refused=before.refused if before else {})
    return changed(picture, plans=with_one(picture.plans, event.incident, state))


@folds(e.DistributionAccepted)
def _distribution_accepted(picture: Picture, event: e.DistributionAccepted, occasion: Occasion) -> Picture:
    """A yes to a plan that a newer one replaced while its casualties were chosen stands in the book only."""
    state = picture.plans.get(event.incident)
    if state is None or state.proposed.id != event.plan:
        return picture
    accepted = {**state.accepted, **dict.fromkeys(event.casualties, occasion.at)}
    lost = tuple(dict.fromkeys([*state.lost, *event.lost]))
    state = changed(state, accepted=accepted, lost=tuple(one for one in lost if one not in accepted))
    return changed(picture, plans=with_one(picture.plans, event.incident, state))


@folds(e.DistributionRefused)
def _distribution_refused(picture: Picture, event: e.DistributionRefused, occasion: Occasion) -> Picture:
    state = picture.plans.get(event.incident)
    rows = [state.find_row(one) for one in event.casualties] if state else []
    if state is None or state.proposed.id != event.plan or None in rows or not event.reason.strip():
        raise IllegalStep(what=event.name, entity="incident", id=event.incident, stage=event.plan)
    refused = dict(state.refused)
    for row in rows:
        assert row is not None
        refused[row.casualty] = tuple(dict.fromkeys([*refused.get(row.casualty, ()), row.hospital]))
    reasons = {**state.reasons, **dict.fromkeys(event.casualties, event.reason)}
    whole = state.refused_whole if event.casualties else event.reason
    state = changed(state, refused=refused, reasons=reasons, refused_whole=whole)
    return changed(picture, plans=with_one(picture.plans, event.incident, state))
