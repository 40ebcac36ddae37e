"""Lay the vehicle's own facts over what the hub told last, so that a tap shows at once and without a hub.

Pure. A fact that the view already holds, or that the table of allowed steps does not allow there, changes nothing: the
hub's word stands. The result is a new view; the one handed in is untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from casebook import events as e
from casebook.casualty import Stage
from casebook.live import plain
from casebook.steps import CASUALTY_STEPS, UNIT_STEPS, Duty

View = dict[str, Any]
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class OwnFact:
    """A fact of this vehicle that the hub has not shown back yet. `seq` is its row in the outbox."""

    seq: int
    at: datetime
    fact: e.Event
    who: str = ""


SomeFact = TypeVar("SomeFact", bound=e.Event)
Layer = Callable[[View, Any, OwnFact], View]
_LAYERS: dict[type[e.Event], Layer] = {}


def overlay(view: View, facts: Iterable[OwnFact]) -> View:
    """The view as the crew sees it: `view` with their own `facts` over it, in order."""
    for own in facts:
        layer = _LAYERS.get(type(own.fact))
        if layer is not None:
            view = layer(view, own.fact, own)
    return view


def shows(kind: type[e.Event]) -> bool:
    """Whether a fact of this kind changes what the crew sees (vitals and positions have places of their own)."""
    return kind in _LAYERS


def _lays(*kinds: type[e.Event]) -> Callable[[Layer], Layer]:
    def register(layer: Layer) -> Layer:
        for kind in kinds:
            _LAYERS[kind] = layer
        return layer

    return register


def at_text(at: datetime) -> str:
    """An instant as views carry it."""
    return msgspec.to_builtins(at)


def _with_unit(view: View, **changes: Any) -> View:
    return {**view, "unit": {**view["unit"], **changes}}


def _with_casualty(view: View, casualty: str, **changes: Any) -> View:
    casualties = view.get("casualties", {})
    return {**view, "casualties": {**casualties, casualty: {**casualties.get(casualty, {}), **changes}}}


def _stepped(view: View, own: OwnFact, id: str, **changes: Any) -> View:
    """Move a casualty one step by the table; unchanged when the table has no such step from where they are."""
    state = view.get("casualties", {}).get(id)
    stage = CASUALTY_STEPS.get((Stage(state["stage"]), type(own.fact))) if state else None
    if state is None or stage is None:
        return view
    times = {own.fact.name: at_text(own.at), **state.get("times", {})}
    return _with_casualty(view, id, stage=str(stage), times=times, **changes)


# --- the vehicle


@_lays(
    e.UnitAcknowledged, e.UnitEnRoute, e.UnitOnScene, e.UnitAtPatient, e.UnitLeftScene, e.UnitAtLandingSite,
    e.UnitAtDestination,
)  # fmt: skip
def _moved(view: View, fact: Any, own: OwnFact) -> View:
    unit = view.get("unit")
    duty = UNIT_STEPS.get((Duty(unit["duty"]), type(fact))) if unit else None
    if unit is None or duty is None:
        return view
    told = {name: datetime.fromisoformat(at) for name, at in unit.get("times", {}).items()}
    if own.at < told.get("unit_assigned", own.at) or told.get(fact.name, NEVER) >= own.at:
        return view  # of an earlier mission, or told already
    times = {**unit.get("times", {}), fact.name: at_text(own.at)}
    view = _with_unit(view, duty=str(duty), duty_at=at_text(own.at), times=times)
    if isinstance(fact, e.UnitAtPatient) and "unit" not in view.get("casualties", {}).get(fact.casualty, {"unit": ""}):
        return _with_casualty(view, fact.casualty, unit=fact.unit)
    return view


@_lays(e.LegSeen)
def _seen(view: View, fact: e.LegSeen, own: OwnFact) -> View:
    leg = view.get("leg")
    if not leg or datetime.fromisoformat(leg["given_at"]) != fact.given_at:
        return view
    return {**view, "leg": {**leg, "seen_at": at_text(own.at)}}


@_lays(e.UnitBackInService)
def _back(view: View, fact: e.UnitBackInService, own: OwnFact) -> View:
    if view.get("unit", {}).get("aboard"):
        return view
    view = _moved(view, fact, own)
    if view.get("unit", {}).get("duty") != Duty.AVAILABLE:
        return view
    left = {name: value for name, value in view.items() if name not in ("incident", "leg", "casualties", "partners")}
    return _with_unit(left, purpose="", aboard=[])


@_lays(e.HoistPlaceJudged)
def _hoist_place(view: View, fact: e.HoistPlaceJudged, own: OwnFact) -> View:
    incident = view.get("incident", {})
    told = incident.get("hoist_place", {}).get("at")
    if incident.get("id") != fact.incident or (told and datetime.fromisoformat(told) >= own.at):
        return view
    said = {"clear": fact.clear, "at": at_text(own.at), "by": own.who}
    return {**view, "incident": {**incident, "hoist_place": said}}


# --- casualties


@_lays(e.CasualtyFound)
def _found(view: View, fact: e.CasualtyFound, own: OwnFact) -> View:
    if fact.casualty in view.get("casualties", {}) or view.get("incident", {}).get("id") != fact.incident:
        return view
    known = plain({"age_years": fact.age_years, "sex": fact.sex})
    return _with_casualty(
        view, fact.casualty, id=fact.casualty, label=fact.label, stage=str(Stage.FOUND), triage=[], signatures={},
        messages={}, times={fact.name: at_text(own.at)}, **known,
    )  # fmt: skip


@_lays(e.CasualtyTriaged)
def _triaged(view: View, fact: e.CasualtyTriaged, own: OwnFact) -> View:
    tags = view.get("casualties", {}).get(fact.casualty, {}).get("triage", [])
    tag = {
        "at": at_text(own.at), "method": fact.method, "category": str(fact.category), "assessor": fact.assessor,
        "table": fact.table,
    }  # fmt: skip
    if tag in tags:
        return view
    newest = max((*tags, tag), key=lambda one: datetime.fromisoformat(one["at"]))
    return _stepped(view, own, fact.casualty, triage=[*tags, tag], category=newest["category"])


@_lays(e.FindingsRecorded)
def _findings(view: View, fact: e.FindingsRecorded, own: OwnFact) -> View:
    state = view.get("casualties", {}).get(fact.casualty)
    if state is None or ("findings_at" in state and datetime.fromisoformat(state["findings_at"]) > own.at):
        return view
    return _with_casualty(view, fact.casualty, findings=plain(fact.findings), findings_at=at_text(own.at))


@_lays(e.WishStated)
def _wish(view: View, fact: e.WishStated, own: OwnFact) -> View:
    state = view.get("casualties", {}).get(fact.casualty)
    if state is None or state.get("wish") == fact.hospital:
        return view
    unanswered = {id: one for id, one in state.items() if id != "wish_answer"}  # of an earlier wish
    view = {**view, "casualties": {**view["casualties"], fact.casualty: unanswered}}
    return _with_casualty(view, fact.casualty, wish=fact.hospital)


@_lays(e.DestinationRequested)
def _requested(view: View, fact: e.DestinationRequested, own: OwnFact) -> View:
    state = view.get("casualties", {}).get(fact.casualty, {})
    answers = (state.get("proposal", {}).get("at"), state.get("destination", {}).get("chosen_at"))
    if any(answer and datetime.fromisoformat(answer) >= own.at for answer in answers):
        return view
    return _known(view, fact.casualty, requested_at=at_text(own.at))


@_lays(e.CrewDiverted)
def _diverted(view: View, fact: e.CrewDiverted, own: OwnFact) -> View:
    state = view.get("casualties", {}).get(fact.casualty, {})
    told = (state.get("destination", {}).get("chosen_at"), state.get("diversion", {}).get("at"))
    if any(at and datetime.fromisoformat(at) >= own.at for at in told):
        return view
    said = {"hospital": fact.hospital, "reason": fact.reason, "at": at_text(own.at), "state": "sent"}
    return _known(view, fact.casualty, diversion=said)


@_lays(e.CasualtyBoarded)
def _boarded(view: View, fact: e.CasualtyBoarded, own: OwnFact) -> View:
    after = _stepped(view, own, fact.casualty, unit=fact.unit)
    aboard = view.get("unit", {}).get("aboard", [])
    return view if after is view or fact.casualty in aboard else _with_unit(after, aboard=[*aboard, fact.casualty])


@_lays(e.CasualtyTransferred)
def _transferred(view: View, fact: e.CasualtyTransferred, own: OwnFact) -> View:
    state, unit = view.get("casualties", {}).get(fact.casualty, {}), view.get("unit", {})
    if state.get("unit") != fact.from_unit or state.get("stage") != Stage.ABOARD:
        return view
    aboard = [one for one in unit.get("aboard", []) if one != fact.casualty]
    if fact.to_unit == unit.get("id"):
        return _with_unit(_stepped(view, own, fact.casualty, unit=fact.to_unit), aboard=[*aboard, fact.casualty])
    gone = {id: one for id, one in view["casualties"].items() if id != fact.casualty}
    return _with_unit({**view, "casualties": gone}, aboard=aboard)


@_lays(e.CasualtyArrived)
def _arrived(view: View, fact: e.CasualtyArrived, own: OwnFact) -> View:
    return _stepped(view, own, fact.casualty, arrived_at=at_text(own.at))


@_lays(e.HandoverStarted)
def _handing_over(view: View, fact: e.HandoverStarted, own: OwnFact) -> View:
    return _stepped(view, own, fact.casualty)


@_lays(e.HandoverSigned)
def _signed(view: View, fact: e.HandoverSigned, own: OwnFact) -> View:
    signatures = view.get("casualties", {}).get(fact.casualty, {}).get("signatures", {})
    if fact.side in signatures:
        return view
    return _stepped(
        view, own, fact.casualty, signatures={**signatures, fact.side: {"by": fact.by, "at": at_text(own.at)}}
    )


@_lays(e.CasualtyClosed)
def _closed(view: View, fact: e.CasualtyClosed, own: OwnFact) -> View:
    after = _stepped(view, own, fact.casualty)
    if after is view:
        return view
    aboard = [one for one in view.get("unit", {}).get("aboard", []) if one != fact.casualty]
    gone = {id: one for id, one in after["casualties"].items() if id != fact.casualty}
    return _with_unit({**after, "casualties": gone}, aboard=aboard)


# --- messages


@_lays(e.MessageSent)
def _sent(view: View, fact: e.MessageSent, own: OwnFact) -> View:
    messages = view.get("casualties", {}).get(fact.casualty, {}).get("messages", {})
    if fact.message in messages:
        return view
    message = {"sender": fact.sender, "text": fact.text, "order": fact.order, "at": at_text(own.at)}
    return _known(view, fact.casualty, messages={**messages, fact.message: message})


@_lays(e.MessageRead)
def _read(view: View, fact: e.MessageRead, own: OwnFact) -> View:
    for id, state in view.get("casualties", {}).items():
        message = state.get("messages", {}).get(fact.message)
        if message is None or (message.get("read_at") and (message.get("read_back") or not fact.read_back)):
            continue
        read = {"read_at": at_text(own.at), "read_by": fact.by, "read_back": fact.read_back or None}
        return _with_casualty(view, id, messages={**state["messages"], fact.message: plain({**message, **read})})
    return view


@_lays(e.TagTied)
def _tied(view: View, fact: e.TagTied, own: OwnFact) -> View:
    for id, state in view.get("casualties", {}).items():
        if state.get("tag") == fact.tag and id != fact.casualty:
            view = _with_casualty(view, id, tag=None)
    return _known(view, fact.casualty, tag=fact.tag)


@_lays(e.RecordingStopped)
def _recording_stopped(view: View, fact: e.RecordingStopped, own: OwnFact) -> View:
    """It runs until the hub has heard of it: until then the crew sees that the end was asked for."""
    for id, state in view.get("casualties", {}).items():
        running = state.get("recording", {})
        if running.get("on") and running["name"] == fact.recording:
            view = _with_casualty(view, id, recording={**running, "ending": True})
    return view


def _known(view: View, id: str, **changes: Any) -> View:
    return _with_casualty(view, id, **changes) if id in view.get("casualties", {}) else view
