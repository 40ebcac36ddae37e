"""How facts of the casualties change the picture, until they have a destination."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from casebook import events as e
from casebook.casualty import Findings
from casebook.errors import IllegalStep
from casebook.folding.changing import change_casualty, change_unit, end_casualty, over_since, step_casualty, take_off
from casebook.folding.trend import still_told, with_samples
from casebook.picture import (
    CasualtyState,
    Occasion,
    Picture,
    Sample,
    changed,
    enrolled_once,
    folds,
    with_one,
)
from casebook.steps import Duty
from casebook.vitals import refuse_impossible_sample

SAMPLED_AT = attrgetter("at")


@folds(e.CasualtyFound)
def _casualty_found(picture: Picture, event: e.CasualtyFound, occasion: Occasion) -> Picture:
    enrolled_once(picture.casualties, "casualty", event.casualty, event)
    picture.get_incident(event.incident)
    state = CasualtyState(event.casualty, event.incident, event.label, event.age_years, event.sex)
    state = changed(state, times={event.name: occasion.at})
    return changed(picture, casualties=with_one(picture.casualties, event.casualty, state))


@folds(e.CasualtyTriaged)
def _casualty_triaged(picture: Picture, event: e.CasualtyTriaged, occasion: Occasion) -> Picture:
    tags = (*picture.get_casualty(event.casualty).triage, (occasion.at, event))
    newest = max(tags, key=lambda tag: tag[0])[1]
    return step_casualty(picture, event.casualty, event, occasion, triage=tags, category=newest.category)


@folds(e.FindingsRecorded)
def _findings_recorded(picture: Picture, event: e.FindingsRecorded, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    before = state.findings or Findings()
    names = [name for name in Findings.__dataclass_fields__ if getattr(event.findings, name) != getattr(before, name)]
    told = {**state.findings_told, **dict.fromkeys(names, occasion.at)}
    return change_casualty(picture, state.id, findings=event.findings, findings_at=occasion.at, findings_told=told)


@folds(e.VitalsRecorded)
def _vitals_recorded(picture: Picture, event: e.VitalsRecorded, occasion: Occasion) -> Picture:
    state = picture.get_casualty(event.casualty)
    refuse_impossible_sample(event.vitals)  # whoever sent it: what is impossible is no measurement
    sample = Sample(occasion.at, event.vitals, event.unit, occasion.epoch, occasion.unit_seq)
    after = with_samples_taken(state, (sample,))
    return changed(picture, casualties=with_one(picture.casualties, state.id, after))


def with_samples_taken(state: CasualtyState, samples: Sequence[Sample]) -> CasualtyState:
    """The casualty after one or more samples, in the order in which they came."""
    name, came_at = e.VitalsRecorded.name, min(map(SAMPLED_AT, samples))
    first_at = min(came_at, state.times.get(name, came_at))  # history may come behind what is newer
    times = state.times if state.times.get(name) == first_at else {**state.times, name: first_at}
    if (over_at := over_since(state)) is not None:  # a vehicle's backlog
        return changed(state, trend=still_told((*state.trend, *samples), over_at), times=times)
    return changed(state, trend=with_samples(state.trend, samples), times=times)


@folds(e.SignsMet)
def _signs_met(picture: Picture, event: e.SignsMet, occasion: Occasion) -> Picture:
    return change_casualty(picture, event.casualty, signs=event)


@folds(e.SignsCleared)
def _signs_cleared(picture: Picture, event: e.SignsCleared, occasion: Occasion) -> Picture:
    return change_casualty(picture, event.casualty, signs=None)


@folds(e.WishStated)
def _wish_stated(picture: Picture, event: e.WishStated, occasion: Occasion) -> Picture:
    picture.get_hospital(event.hospital)
    return change_casualty(picture, event.casualty, wish=event.hospital)


@folds(e.CasualtyBoarded)
def _casualty_boarded(picture: Picture, event: e.CasualtyBoarded, occasion: Occasion) -> Picture:
    unit = picture.get_unit(event.unit)
    after = step_casualty(picture, event.casualty, event, occasion, unit=unit.id)
    return change_unit(after, unit.id, aboard=(*unit.aboard, event.casualty))


@folds(e.CasualtyTransferred)
def _casualty_transferred(picture: Picture, event: e.CasualtyTransferred, occasion: Occasion) -> Picture:
    giver, taker = picture.get_unit(event.from_unit), picture.get_unit(event.to_unit)
    for unit in (giver, taker):
        if unit.duty is not Duty.AT_LANDING_SITE:
            raise IllegalStep(what=event.name, entity="unit", id=unit.id, stage=str(unit.duty))
    if event.casualty not in giver.aboard:
        raise IllegalStep(what=event.name, entity="unit", id=giver.id, stage="not_aboard")
    after = step_casualty(picture, event.casualty, event, occasion, unit=taker.id)
    after = change_unit(after, giver.id, aboard=tuple(one for one in giver.aboard if one != event.casualty))
    return change_unit(after, taker.id, aboard=(*taker.aboard, event.casualty))


@folds(e.CasualtyClosed)
def _casualty_closed(picture: Picture, event: e.CasualtyClosed, occasion: Occasion) -> Picture:
    after = end_casualty(picture, event.casualty, event, occasion)
    return take_off(after, event.casualty)
