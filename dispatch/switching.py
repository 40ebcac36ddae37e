"""Say when a casualty's decision is behind what is known, and when a new answer is worth telling. Pure.

What a decision looks at besides the roads is named by `situations`: equal names, equal answers but for time passing.
An answer that nobody has said yes to is told anew when it changed. One that somebody said yes to is reopened only for
a gain above the rule (rules/rerouting.yaml) or when its hospital is lost to it, and never in the last minutes. When to
think again is dispatch/case_watch.py's and dispatch/road_watch.py's; a person says yes, as always.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from casebook.casualty import Stage
from casebook.events import Decision, Option, Rejection, find_rejection
from casebook.hoist_place import is_clear, place_as_told
from casebook.picture import CasualtyState, HospitalState, Picture
from casebook.steps import Duty
from casebook.wish import answer_in, wish_answer
from dispatch.destination import canonical
from dispatch.journeys import helicopters
from dispatch.needs import case_of
from dispatch.policy import RerouteRules
from dispatch.whereabouts import HELICOPTER

# By which a hospital that was chosen is lost to a casualty.
LOST_BY = ("capacity", "closed", "refused", "capability", "policy.no_flight")
Slot = tuple[str, str, int]  # hospital, resource, number
ON_THE_WAY = (Stage.FOUND, Stage.TRIAGED, Stage.DESTINED, Stage.ABOARD)


def is_under_way(picture: Picture, state: CasualtyState) -> bool:
    """Not at a door yet."""
    carrier = picture.units.get(state.unit or "")
    if state.stage not in ON_THE_WAY or state.arrived_at is not None:
        return False
    return carrier is None or state.id not in carrier.aboard or carrier.duty is not Duty.AT_DESTINATION


def is_decided_on(state: CasualtyState) -> bool:
    """Whether the desk has answered for this casualty, or a person has."""
    return state.proposal is not None or bool(state.stranded) or state.option is not None


def capacity_name(hospitals: Mapping[str, HospitalState], at: datetime) -> str:
    """A name for every figure, service and closure in force at `at` that hospitals have told."""
    seen = {
        id: [one.figures, one.capabilities, one.trauma_level, *sorted(_in_force(one, at))]
        for id, one in hospitals.items()
    }
    return hashlib.sha256(canonical(seen)).hexdigest()


def _in_force(hospital: HospitalState, at: datetime) -> Iterator[tuple[str, str]]:
    return ((name, one.reason) for name, one in hospital.closures.items() if one.in_force(at))


def next_turn(picture: Picture, at: datetime) -> datetime | None:
    """When a closure of a hospital or a hold runs out next, without anybody saying so; None: nothing will."""
    ends = [one.until for hospital in picture.hospitals.values() for one in hospital.closures.values()]
    ends += [hold.until for hold in picture.holds.values()]
    return min((end for end in ends if end is not None and end > at), default=None)


@dataclass(frozen=True, slots=True)
class Situations:
    """Of one picture, instant and word for what hospitals told (`capacity`): all but roads and places that each
    decision looks at. What they have in common is gathered once for all casualties."""

    capacity: str
    held: tuple[Slot, ...]  # of the holds in force
    of_case: Mapping[str, Sequence[int]]  # casualty -> which of them are its own
    aircraft: tuple[tuple[str, str | None, str | None], ...]  # id, incident, whom it serves
    cases: dict[str, tuple[CasualtyState, bytes]]  # casualty -> its case's name, kept while its state is the same one
    clear: Mapping[str, bool | None]  # incident -> whether its place is, for a hoist; only where somebody said

    def of(self, state: CasualtyState) -> tuple[Any, ...]:
        """Its case, what hospitals told, what others hold, which aircraft serves whom, whether its place is clear."""
        others = self.held
        for own in reversed(self.of_case.get(state.id, ())):
            others = others[:own] + others[own + 1 :]
        return self._case(state), self.capacity, others, self.aircraft, self.clear.get(state.incident)

    def _case(self, state: CasualtyState) -> bytes:
        kept = self.cases.get(state.id)
        if kept is None or kept[0] is not state:
            kept = self.cases[state.id] = (state, canonical(case_of(state)))
        return kept[1]


def situations(picture: Picture, capacity: str, at: datetime, before: Situations | None = None) -> Situations:
    """`before`: the last ones; where nothing is held otherwise they lend theirs, which then are compared in no time;
    the names of the cases they lend always."""
    alive = [hold for hold in picture.holds.values() if hold.until > at]
    holds = sorted(((one.hospital, one.resource, one.slot), one.casualty) for one in alive)
    of_case: dict[str, list[int]] = {}
    for place, (_, casualty) in enumerate(holds):
        of_case.setdefault(casualty, []).append(place)
    held = tuple(slot for slot, _ in holds)
    held = before.held if before is not None and before.held == held else held
    serves = {c.option.aircraft: c.id for c in picture.casualties.values() if c.option and c.arrived_at is None}
    aircraft = tuple((unit.id, unit.incident, serves.get(unit.id)) for unit in helicopters(picture))
    cases = before.cases if before is not None else {}
    for id in [id for id in cases if id not in picture.casualties or picture.casualties[id].stage not in ON_THE_WAY]:
        del cases[id]  # with a state of then that nobody else keeps
    clear = {one.id: is_clear(one) for one in picture.incidents.values() if one.hoist_place is not None}
    return Situations(capacity, held, of_case, aircraft, cases, clear)


# --- whether an answer is worth telling


def is_worth_telling(picture: Picture, decision: Decision, *, id: str, at: datetime, rules: RerouteRules) -> bool:
    """Whether the desk should record this answer; `at`: when it was thought."""
    state = picture.get_casualty(id)
    if not is_under_way(picture, state):
        return False
    if state.option is None or is_reopened(state):
        told = _answers_wish(state, decision) or _answers_on_place(picture, state, decision)
        return told or _is_news(state, decision)
    now = next((one for one in decision.options if _is_chosen(picture, state, one)), None)
    if now is None:
        return _is_lost(picture, state, decision, rules)
    first = decision.options[0]
    if now.eta_s > rules.last_s.seconds and _answers_wish(state, decision):
        return True
    if first is now or state.chosen_at is None or now.eta_s <= rules.last_s.seconds:
        return False
    return _gain_s(state, now, first) >= rules.other_destination_s.seconds


def is_reopened(state: CasualtyState) -> bool:
    """Another destination is proposed already and nobody has answered: it is kept up to date."""
    open_again = state.proposed_at is not None and state.chosen_at is not None and state.proposed_at > state.chosen_at
    if not open_again or state.proposal is None or state.option is None:
        return False
    first = next(iter(state.proposal.options), None)  # the same again asks nobody for a yes
    return first is None or (first.hospital, first.mode) != (state.option.hospital, state.option.mode)


def _answers_wish(state: CasualtyState, decision: Decision) -> bool:
    """Whether it is the first to say what a wish costs: who wished is owed an answer, also where nothing changes."""
    answer = answer_in(state.wish, decision.options, decision.rejected)
    return answer is not None and wish_answer(state) is None


def _answers_on_place(picture: Picture, state: CasualtyState, decision: Decision) -> bool:
    """Whether it says of the scene what the proposal does not: who looked up there is owed that, too."""
    if state.proposal is None or picture.get_incident(state.incident).hoist_place is None:
        return False
    then, now = ((*one.options, *one.rejected) for one in (state.proposal, decision))
    return place_as_told(then) != place_as_told(now)


def _is_news(state: CasualtyState, decision: Decision) -> bool:
    """Other roads, another first way, other rules that fired; of those nobody could take: another why."""
    if state.proposal is None:
        return bool(decision.options) or _bars(decision.rejected) != _bars(state.stranded)
    if not decision.options or decision.traffic_version != state.proposal.traffic_version:
        return True
    return _head(decision.options[0]) != _head(state.proposal.options[0])


def _head(option: Option) -> Any:
    rules = [reason.facts.get("rule") for reason in option.reasons if reason.code == "rule"]
    return option.hospital, option.mode, option.rendezvous, option.aircraft, option.onward, rules


def _bars(rejected: Sequence[Rejection]) -> dict[tuple[str, str], list[str]]:
    return {(one.hospital, one.mode): sorted(reason.code for reason in one.reasons) for one in rejected}


def _is_chosen(picture: Picture, state: CasualtyState, way: Option | Rejection) -> bool:
    """The same hospital by the same means; on board an aircraft the means is settled."""
    assert state.option is not None
    carrier = picture.units.get(state.unit or "")
    flying = carrier is not None and carrier.kind == HELICOPTER and state.id in carrier.aboard
    return way.hospital == state.option.hospital and (flying or way.mode == state.option.mode)


def _is_lost(picture: Picture, state: CasualtyState, decision: Decision, rules: RerouteRules) -> bool:
    """Whether the chosen way is barred by something new: no way left, or closed, full, refused while there is time."""
    assert state.option is not None
    barred = next((one for one in decision.rejected if _is_chosen(picture, state, one)), None)
    if barred is None or barred.eta_s is None:
        return True
    known = {(one.code, _what(one.facts)) for one in state.option.reasons} if state.override_reason else set()
    news = {(one.code, _what(one.facts)) for one in barred.reasons if one.code in LOST_BY} - known
    return bool(news and decision.options) and barred.eta_s > rules.last_s.seconds


def _what(facts: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode([facts.get("resource"), facts.get("missing")])


def _gain_s(state: CasualtyState, now: Option, first: Option) -> float:
    """Seconds sooner at definitive care than by the chosen way; whoever chose by hand knew of a part of it."""
    gain_s = _care_s(now) - _care_s(first)
    if not state.override_reason or state.option is None:
        return gain_s
    then = find_rejection(state.rejected, first.hospital, first.mode)
    known_s = _care_s(state.option) - _care_s(then) if then is not None and then.eta_s is not None else 0.0
    return gain_s - max(0.0, known_s)


def _care_s(way: Option | Rejection) -> float:
    """To definitive care; logs of before it was reckoned have the door."""
    return way.definitive_s if way.definitive_s is not None else way.eta_s or 0.0
