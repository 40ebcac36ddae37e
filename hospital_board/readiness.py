"""Answer the pre-alert and call the team; say by itself what must happen when nobody answers. Pure.

Bays are hospital_board/bays.py; who belongs to a team, and how long a pre-alert may wait, is the table of
hospital_board/teams.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Literal

from casebook import events as e
from casebook.asking import Command
from casebook.casualty import OVER, Findings, Stage
from casebook.desks import Due
from casebook.errors import IllegalStep, RefusedInput
from casebook.picture import CasualtyState, Picture
from casebook.steps import Prealert
from hospital_board.cases import get_own_case
from hospital_board.consult import message_from_ward
from hospital_board.teams import team_table

MemberState = Literal["called", "coming", "ready", "unavailable"]
NOTE_MAX = 300  # characters
BEFORE_THE_DOOR = (Stage.FOUND, Stage.TRIAGED, Stage.DESTINED, Stage.ABOARD)  # later a patient is treated, not refused


class AcknowledgePrealert(Command, frozen=True, kw_only=True):
    """The ward has seen the pre-alert and accepts it, has a question first (`note`), which goes to the crew, or refuses
    with a reason (`note`): dispatch decides again, and the case keeps its way here until it has another.
    """

    hospital: str
    casualty: str
    answer: Literal["accept", "query", "refuse"] = "accept"
    note: str = ""


class ActivateTeam(Command, frozen=True, kw_only=True):
    """Call a team. `level` 1 is the full team. `team` absent: the one that answers the case's pathway."""

    hospital: str
    casualty: str
    level: Literal[1, 2]
    team: str = ""


class ReportMember(Command, frozen=True, kw_only=True):
    """What one called member of the team is doing."""

    hospital: str
    casualty: str
    member: str
    state: MemberState


def acknowledge_prealert(picture: Picture, command: AcknowledgePrealert, who: str) -> list[e.Event]:
    """The answer as a fact; a question also as a message to the crew.

    An accepted pre-alert may be acknowledged again when the crew has found something new since, or had it only been
    queried or refused. Raises RefusedInput (`query_needs_note`, `refusal_needs_reason`), IllegalStep when there is
    nothing to answer, and for a refusal of who is at the door.
    """
    state = get_own_case(picture, command.casualty, command.hospital)
    note = command.note.strip()[:NOTE_MAX]
    if command.answer == "query" and not note:
        raise RefusedInput("query_needs_note")
    if state.prealert is Prealert.NONE:
        raise IllegalStep(what=e.PrealertAcknowledged.name, entity="prealert", id=state.id, stage=str(state.prealert))
    if command.answer == "accept" and is_accepted(state) and not has_news(state):
        return []  # two nurses tapped at once: the first stands
    if command.answer == "refuse":
        return refuse_case(state, command.hospital, who, note)
    answer = e.PrealertAcknowledged(state.id, command.hospital, who, command.answer, note)
    if command.answer == "query":
        return [answer, message_from_ward(picture, state, command.hospital, note, order=False)]
    return [answer]


def refuse_case(state: CasualtyState, hospital: str, who: str, reason: str) -> list[e.Event]:
    """The no as a fact; nothing when it was said in the same words before."""
    if not reason:
        raise RefusedInput("refusal_needs_reason")
    if state.stage not in BEFORE_THE_DOOR:
        raise IllegalStep(what=e.CaseRefused.name, entity="casualty", id=state.id, stage=str(state.stage))
    known = state.refusals.get(hospital)
    if state.prealert is Prealert.REFUSED and known is not None and known.reason == reason:
        return []
    return [e.CaseRefused(state.id, hospital, who, reason)]


def is_accepted(state: CasualtyState) -> bool:
    return state.prealert is Prealert.ACKNOWLEDGED and state.acknowledged_answer == "accept"


def has_news(state: CasualtyState) -> bool:
    """The crew found or triaged something after the ward last acknowledged. Streaming vitals are no news."""
    return state.acknowledged_at is not None and any(at > state.acknowledged_at for at in told_at(state).values())


def told_at(state: CasualtyState) -> dict[str, datetime]:
    """When each thing that the crew tells last changed: fields of the findings, triage."""
    triage = {"triage": state.triage[-1][0]} if state.triage else {}
    return {**state.findings_told, **triage}


def activate_team(picture: Picture, command: ActivateTeam) -> list[e.Event]:
    """The call as a fact. A change of level keeps what members who stay have reported.

    Raises RefusedInput (`unknown_team`), IllegalStep when the case is over; nothing when that team is called already.
    """
    state = get_own_case(picture, command.casualty, command.hospital)
    if state.stage in OVER:
        raise IllegalStep(what=e.TeamActivated.name, entity="casualty", id=state.id, stage=str(state.stage))
    table = team_table()
    team = command.team or table.team_of((state.findings or Findings()).pathway)
    members = table.members_of(team, command.level)
    if (state.team, state.team_level) == (team, command.level):
        return []
    kept = [(name, said) for name, (said, _) in state.members.items() if name in members and said != "called"]
    called = e.TeamActivated(state.id, command.hospital, team, command.level, members)
    return [called, *(e.TeamMemberReported(state.id, command.hospital, name, said) for name, said in kept)]


def report_member(picture: Picture, command: ReportMember) -> list[e.Event]:
    """What a member does as a fact; nothing when it is known. Raises RefusedInput (`member_not_called`)."""
    state = get_own_case(picture, command.casualty, command.hospital)
    known = state.members.get(command.member)
    if known is None:
        raise RefusedInput("member_not_called", member=command.member, known=", ".join(state.members))
    if known[0] == command.state:
        return []
    return [e.TeamMemberReported(state.id, command.hospital, command.member, command.state)]


def team_view(state: CasualtyState) -> dict[str, Any]:
    """{team, level, at, members: {name: {state, at}}, ready, called, complete_at}; empty when no team was called."""
    if state.team is None:
        return {}
    return {
        "team": state.team,
        "level": state.team_level,
        "at": state.team_at,
        "members": {name: {"state": said, "at": at} for name, (said, at) in state.members.items()},
        "order": list(state.members),
        "ready": sum(said == "ready" for said, _ in state.members.values()),
        "called": len(state.members),
        "complete_at": state.times.get("team_complete"),
    }


def prealert_view(state: CasualtyState) -> dict[str, Any]:
    """{state, at, due_at, eta_at, level, repeats, answer, note, by, acknowledged_at, refused_at, news}."""
    seen: dict[str, Any] = {"state": str(state.prealert), "at": state.prealert_at, "level": state.prealert_level}
    seen |= {"eta_at": state.prealert_eta_at, "repeats": state.prealert_repeats}
    if state.prealert is Prealert.REFUSED:
        refusal = state.refusals[state.prealert_hospital or ""]
        return seen | {"answer": "refuse", "note": refusal.reason, "by": refusal.by, "refused_at": refusal.at}
    if state.prealert is not Prealert.ACKNOWLEDGED:
        return seen | {"due_at": state.prealert_due_at}
    answered = {"answer": state.acknowledged_answer, "note": state.acknowledged_note, "by": state.acknowledged_by}
    return seen | answered | {"acknowledged_at": state.acknowledged_at, "news": has_news(state)}


def unanswered(picture: Picture, now: datetime) -> list[Due]:
    """What must happen for pre-alerts nobody acknowledged in time: repeat, then escalate, then say it reached nobody.

    Looks only at the picture: `prealert_repeats` counts how far it has come, so that a restart changes nothing.
    """
    cases = (state for state in picture.casualties.values() if state.prealert in (Prealert.SENT, Prealert.ESCALATED))
    return [
        Due(state.prealert_due_at, tuple(_next_alarm(state, state.prealert_due_at)))
        for state in cases
        if state.stage not in OVER and state.prealert_due_at is not None and now >= state.prealert_due_at
    ]


def _next_alarm(state: CasualtyState, at: datetime) -> Iterable[e.Event]:
    hospital = state.prealert_hospital
    if hospital is None:
        return []
    rule = team_table().prealert
    again = e.PrealertRepeated(state.id, hospital, at + timedelta(seconds=rule.repeat_every_s))
    match state.prealert_repeats:
        case 0:
            return [again]
        case 1:
            return [e.PrealertEscalated(state.id, hospital, rule.escalate_to), again]
        case 2:
            return [
                e.AlertUndelivered(f"prealert:{state.id}", f"{hospital}:{rule.escalate_to}", "not_acknowledged"),
                again,
            ]
        case _:
            return []
