"""What the crew can say with a tap: each ask becomes facts at once, hub or no hub.

Deciding is pure: the functions below give the facts of a command, none when it is already so, and raise when the table
of allowed steps does not have it. Recording is the agent's; the hub has the last word.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from msgspec import UNSET

from ambulance_unit import crew_commands as c
from ambulance_unit.mission import View, instant, planned_casualty
from casebook import events as e
from casebook.access import Role, need_unit
from casebook.asking import Ask, Asker, Command
from casebook.casualty import Category, Findings, Stage
from casebook.errors import IllegalStep, NotFound, RefusedInput
from casebook.recording_state import WITHDRAWN
from casebook.scores import score
from casebook.steps import CASUALTY_STEPS, UNIT_STEPS, Duty

AT_THE_SCENE = (Duty.ON_SCENE, Duty.AT_PATIENT)
Facts = Sequence[e.Event]
Decide = Callable[[View, Any, Asker], Facts]
Record = Callable[[Facts, Asker], Awaitable[list[int]]]


class CrewDesk:
    """The asks of `unit`'s crew. `view` gives what they see, `record` makes facts durable, `attach` moves the monitor.

    Each raises NotAllowed for another unit's crew.
    """

    def __init__(
        self, unit: str, view: Callable[[], View], record: Record, attach: Callable[[str | None], Awaitable[None]]
    ) -> None:
        self._unit, self._view, self._record, self._attach = unit, view, record, attach

    def asks(self) -> list[Ask]:
        asks = [Ask(name, command, (Role.PARAMEDIC,), self._handler(name, decide)) for name, command, decide in ASKS]
        return [*asks, Ask("attach_monitor", c.AttachMonitor, (Role.PARAMEDIC,), self._move_monitor)]

    def _handler(self, name: str, decide: Decide) -> Callable[[Any, Asker], Awaitable[dict[str, Any]]]:
        async def handle(command: Any, asker: Asker) -> dict[str, Any]:
            need_unit(asker.badge, self._unit, name)
            facts = decide(self._view(), command, asker)
            rows = await self._record(facts, asker) if facts else []
            return {"rows": rows, "facts": [{"kind": fact.name, "body": e.encode(fact)} for fact in facts]}

        return handle

    async def _move_monitor(self, command: c.AttachMonitor, asker: Asker) -> dict[str, Any]:
        need_unit(asker.badge, self._unit, "attach_monitor")
        if command.casualty is not None:
            casualty_of(self._view(), command.casualty)
        await self._attach(command.casualty)
        return {"casualty": command.casualty} if command.casualty else {}


def unit_of(view: View) -> View:
    """The vehicle on its mission. Raises NotFound (`no_mission`) when the hub has told none."""
    if "unit" not in view or "incident" not in view:
        raise NotFound("no_mission")
    return view["unit"]


def casualty_of(view: View, id: str) -> View:
    unit_of(view)
    found = view.get("casualties", {}).get(id)
    if found is None:
        raise NotFound(what="casualty", id=id)
    return found


def unit_step(view: View, fact: e.Event) -> Facts:
    """The fact when it may happen now, nothing when it happened before on this mission. Raises IllegalStep."""
    unit = unit_of(view)
    if (Duty(unit["duty"]), type(fact)) in UNIT_STEPS:
        return [fact]
    if fact.name in unit.get("times", {}):
        return []
    raise IllegalStep(what=fact.name, entity="unit", id=unit["id"], stage=unit["duty"])


def casualty_step(view: View, id: str, fact: e.Event, *, once: bool = True) -> Facts:
    """As `unit_step`, for a casualty. `once` False: the same said again is a new fact or no step, never "already"."""
    state = casualty_of(view, id)
    if (Stage(state["stage"]), type(fact)) in CASUALTY_STEPS:
        return [fact]
    if once and fact.name in state.get("times", {}):
        return []
    raise IllegalStep(what=fact.name, entity="casualty", id=id, stage=state["stage"])


# --- the vehicle


def _unit_says(kind: Callable[[str], e.Event]) -> Decide:
    return lambda view, command, asker: unit_step(view, kind(unit_of(view)["id"]))


def _at_patient(view: View, command: c.AtPatient, asker: Asker) -> Facts:
    casualty_of(view, command.casualty)
    return unit_step(view, e.UnitAtPatient(unit_of(view)["id"], command.casualty))


def _at_landing_site(view: View, command: c.AtLandingSite, asker: Asker) -> Facts:
    site = command.site or _planned(view, "rendezvous", "at_landing_site", "site")
    return unit_step(view, e.UnitAtLandingSite(unit_of(view)["id"], site))


def _at_destination(view: View, command: c.AtDestination, asker: Asker) -> Facts:
    hospital = command.hospital or _planned(view, "hospital", "at_destination", "hospital")
    return unit_step(view, e.UnitAtDestination(unit_of(view)["id"], hospital))


def _planned(view: View, name: str, where: str, field: str) -> str:
    """What the decision says about it. Raises RefusedInput when it says nothing and the crew did not either."""
    unit_of(view)
    planned = planned_casualty(view)
    value = planned["destination"].get(name) if planned else None
    if value is None:
        raise RefusedInput("bad_field", where=where, field=field, why="missing")
    return value


def _back(view: View, command: c.BackInService, asker: Asker) -> Facts:
    """Nobody is forgotten in the vehicle: whoever is aboard has yet to be handed over by both sides."""
    unit = unit_of(view)
    if unit.get("aboard"):
        raise IllegalStep(what="unit_back_in_service", entity="unit", id=unit["id"], stage="casualty_aboard")
    return unit_step(view, e.UnitBackInService(unit["id"]))


def _judge_hoist_place(view: View, command: c.JudgeHoistPlace, asker: Asker) -> Facts:
    """Only who stands there can look up. Said again it is a new fact: others may have said otherwise meanwhile."""
    unit = unit_of(view)
    if unit["duty"] not in AT_THE_SCENE:
        raise IllegalStep(what="hoist_place_judged", entity="unit", id=unit["id"], stage=unit["duty"])
    return [e.HoistPlaceJudged(view["incident"]["id"], command.clear)]


# --- the casualty


def _found(view: View, command: c.FoundCasualty, asker: Asker) -> Facts:
    unit_of(view)
    label, incident = command.label.strip(), view["incident"]["id"]
    if not label:
        raise RefusedInput("bad_field", where="found_casualty", field="label", why="empty")
    if f"{incident}-{label}" in view.get("casualties", {}):
        return []
    return [e.CasualtyFound(f"{incident}-{label}", incident, label, command.age_years, command.sex)]


def _triage(view: View, command: c.Triage, asker: Asker) -> Facts:
    tag = _by_hand(command, asker) if command.method == "manual" else _by_score(command, asker)
    return casualty_step(view, command.casualty, tag, once=False)


def _by_hand(command: c.Triage, asker: Asker) -> e.CasualtyTriaged:
    if command.category is None:
        raise RefusedInput("bad_field", where="triage", field="category", why="missing")
    return e.CasualtyTriaged(command.casualty, "manual", command.category, asker.badge.who)


def _by_score(command: c.Triage, asker: Asker) -> e.CasualtyTriaged:
    """The method's own answer; what it cannot answer is not guessed."""
    result = score(command.method, command.answers, at=asker.at)
    if result.status != "complete":
        raise RefusedInput("triage_incomplete", missing=", ".join(result.missing) or result.status)
    given = {name: value for name, value in command.answers.items() if value not in (None, "")}
    category = Category(result.category.lower())
    return e.CasualtyTriaged(command.casualty, command.method, category, asker.badge.who, given, result.table)


def _findings(view: View, command: c.RecordFindings, asker: Asker) -> Facts:
    before = msgspec.convert(casualty_of(view, command.casualty).get("findings", {}), Findings)
    stated = {name: getattr(command, name) for name in Findings.__dataclass_fields__}
    after = replace(before, **{name: value for name, value in stated.items() if value is not UNSET})
    return [] if after == before else [e.FindingsRecorded(command.casualty, after)]


def _wish(view: View, command: c.Wish, asker: Asker) -> Facts:
    casualty_of(view, command.casualty)
    if command.hospital not in view.get("hospitals", {}):
        raise NotFound(what="hospital", id=command.hospital)
    return [e.WishStated(command.casualty, command.hospital, command.by)]


def _divert(view: View, command: c.Divert, asker: Asker) -> Facts:
    state, unit = casualty_of(view, command.casualty), unit_of(view)
    if command.hospital not in view.get("hospitals", {}):
        raise NotFound(what="hospital", id=command.hospital)
    if not command.reason.strip():
        raise RefusedInput("bad_field", where="divert", field="reason", why="empty")
    if state["stage"] != Stage.ABOARD:
        raise IllegalStep(what="crew_diverted", entity="casualty", id=state["id"], stage=state["stage"])
    return [e.CrewDiverted(command.casualty, unit["id"], command.hospital, command.reason.strip())]


def _tie_tag(view: View, command: c.TieTag, asker: Asker) -> Facts:
    state = casualty_of(view, command.casualty)
    return [] if state.get("tag") == command.tag else [e.TagTied(command.casualty, command.tag, asker.badge.who)]


def _stop_recording(view: View, command: c.StopRecording, asker: Asker) -> Facts:
    """Consent is the patient's: the crew needs nobody's leave to take it back. Nothing when it is over already."""
    if not (reason := command.reason.strip()):
        raise RefusedInput("bad_field", where="stop_recording", field="reason", why="empty")
    unit_of(view)
    for state in view.get("casualties", {}).values():
        running = state.get("recording", {})
        if running.get("name") == command.recording:
            if not running.get("on") or running.get("ending"):
                return []
            fact = e.RecordingStopped(command.recording, running["casualty"], WITHDRAWN, asker.badge.who, reason)
            return [fact]
    raise NotFound(what="recording", id=command.recording[:80])


def _request_destination(view: View, command: c.RequestDestination, asker: Asker) -> Facts:
    state, unit = casualty_of(view, command.casualty), unit_of(view)
    if state["stage"] not in (Stage.FOUND, Stage.TRIAGED, Stage.DESTINED, Stage.ABOARD):
        raise IllegalStep(what="destination_requested", entity="casualty", id=state["id"], stage=state["stage"])
    return [] if "requested_at" in state else [e.DestinationRequested(command.casualty, unit["id"])]


def _see_leg(view: View, command: c.SeeLeg, asker: Asker) -> Facts:
    """That the changed route was seen; nothing when it was, or when nothing changed."""
    leg, unit = view.get("leg"), unit_of(view)
    if not leg or "why" not in leg or "seen_at" in leg:
        return []
    return [e.LegSeen(unit["id"], instant(leg["given_at"]))]


def _board(view: View, command: c.Board, asker: Asker) -> Facts:
    fact = e.CasualtyBoarded(command.casualty, unit_of(view)["id"])
    return casualty_step(view, command.casualty, fact)


def _transfer(view: View, command: c.Transfer, asker: Asker) -> Facts:
    """Said by the giver or by the taker; either is enough."""
    unit, state = unit_of(view), casualty_of(view, command.casualty)
    if "casualty_transferred" in state.get("times", {}):
        return []
    giver = command.from_unit or (state.get("unit", "") if unit["kind"] == "helicopter" else unit["id"])
    taker = command.to_unit or (unit["id"] if giver != unit["id"] else _other_side(view))
    site = command.site or state.get("destination", {}).get("rendezvous", "")
    if unit["duty"] != Duty.AT_LANDING_SITE or unit["id"] not in (giver, taker) or state.get("unit") != giver:
        raise IllegalStep(what="casualty_transferred", entity="unit", id=unit["id"], stage=unit["duty"])
    return casualty_step(
        view, command.casualty, e.CasualtyTransferred(command.casualty, giver, taker, site), once=False
    )


def _other_side(view: View) -> str:
    """The aircraft that is met. Raises RefusedInput when it is not one and only one."""
    aircraft = [id for id, partner in view.get("partners", {}).items() if partner["kind"] == "helicopter"]
    if len(aircraft) != 1:
        raise RefusedInput("bad_field", where="transfer", field="to_unit", why="missing")
    return aircraft[0]


def _arrived(view: View, command: c.Arrived, asker: Asker) -> Facts:
    hospital = command.hospital or _hospital_of(view, command.casualty, "arrived")
    return casualty_step(
        view, command.casualty, e.CasualtyArrived(command.casualty, hospital, unit_of(view)["id"])
    )  # fmt: skip


def _start_handover(view: View, command: c.StartHandover, asker: Asker) -> Facts:
    hospital = _hospital_of(view, command.casualty, "start_handover")
    return casualty_step(view, command.casualty, e.HandoverStarted(command.casualty, hospital))


def _hospital_of(view: View, casualty: str, where: str) -> str:
    destination = casualty_of(view, casualty).get("destination")
    if destination is None:
        raise RefusedInput("bad_field", where=where, field="hospital", why="missing")
    return destination["hospital"]


def _sign(view: View, command: c.SignHandover, asker: Asker) -> Facts:
    if "crew" in casualty_of(view, command.casualty).get("signatures", {}):
        return []
    fact = e.HandoverSigned(command.casualty, "crew", command.by or asker.badge.who)
    return casualty_step(view, command.casualty, fact, once=False)


def _close(view: View, command: c.CloseCasualty, asker: Asker) -> Facts:
    return casualty_step(view, command.casualty, e.CasualtyClosed(command.casualty, command.outcome), once=False)


# --- messages


def _read(view: View, command: c.ReadMessage, asker: Asker) -> Facts:
    for state in view.get("casualties", {}).values():
        message = state.get("messages", {}).get(command.message)
        if message is not None:
            known = "read_at" in message and (message.get("read_back") or not command.read_back)
            return [] if known else [e.MessageRead(command.message, asker.badge.who, command.read_back)]
    raise NotFound(what="message", id=command.message)


def _send(view: View, command: c.SendMessage, asker: Asker) -> Facts:
    casualty_of(view, command.casualty)
    unit = unit_of(view)["id"]
    id = f"{unit}:{asker.key or secrets.token_hex(8)}"
    return [e.MessageSent(id, command.casualty, unit, command.text)]


ASKS: tuple[tuple[str, type[Command], Decide], ...] = (
    ("acknowledge", c.Acknowledge, _unit_says(e.UnitAcknowledged)),
    ("en_route", c.EnRoute, _unit_says(e.UnitEnRoute)),
    ("see_leg", c.SeeLeg, _see_leg),
    ("on_scene", c.OnScene, _unit_says(e.UnitOnScene)),
    ("at_patient", c.AtPatient, _at_patient),
    ("judge_hoist_place", c.JudgeHoistPlace, _judge_hoist_place),
    ("found_casualty", c.FoundCasualty, _found),
    ("triage", c.Triage, _triage),
    ("findings", c.RecordFindings, _findings),
    ("tie_tag", c.TieTag, _tie_tag),
    ("stop_recording", c.StopRecording, _stop_recording),
    ("wish", c.Wish, _wish),
    ("divert", c.Divert, _divert),
    ("request_destination", c.RequestDestination, _request_destination),
    ("board", c.Board, _board),
    ("left_scene", c.LeftScene, _unit_says(e.UnitLeftScene)),
    ("at_landing_site", c.AtLandingSite, _at_landing_site),
    ("transfer", c.Transfer, _transfer),
    ("at_destination", c.AtDestination, _at_destination),
    ("arrived", c.Arrived, _arrived),
    ("start_handover", c.StartHandover, _start_handover),
    ("sign_handover", c.SignHandover, _sign),
    ("read_message", c.ReadMessage, _read),
    ("send_message", c.SendMessage, _send),
    ("close_casualty", c.CloseCasualty, _close),
    ("back_in_service", c.BackInService, _back),
)
