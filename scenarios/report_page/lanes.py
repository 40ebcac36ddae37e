"""What stands on the timeline: the lanes with their facts and with what was being done, and a row for everyone else.

Drawing them is timeline.py's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from casebook.log import Entry
from scenarios.report_page.axis import TimeAxis
from scenarios.report_page.story import Story, grouped
from scenarios.report_page.voice import Voice

DISPATCH = (
    "incident_opened", "agency_linked", "task_opened", "task_approved", "task_refused", "task_escalated", "task_done",
    "unit_assigned", "unit_stood_down", "destination_proposed", "destination_chosen", "no_destination", "road_closed",
    "road_slowed", "road_reopened", "alert_undelivered", "row_refused",
)  # fmt: skip
VEHICLE = (
    "unit_on_standby", "unit_acknowledged", "unit_en_route", "unit_on_scene", "unit_at_patient", "unit_left_scene",
    "unit_at_landing_site", "unit_at_destination", "unit_back_in_service", "video_started", "video_stopped",
)  # fmt: skip
CASUALTY = (
    "casualty_found", "casualty_triaged", "findings_recorded", "vitals_recorded", "wish_stated", "casualty_boarded",
    "destination_requested", "casualty_transferred", "casualty_arrived", "handover_signed", "handover_completed",
    "casualty_closed",
)  # fmt: skip
WARD = (
    "prealert_sent", "prealert_repeated", "prealert_escalated", "prealert_acknowledged", "prealert_withdrawn",
    "hold_placed", "bay_assigned", "team_activated", "team_member_reported", "message_sent", "message_read",
    "service_closed",
)  # fmt: skip
# What a vehicle or casualty is doing from this fact on; classes of the style sheet and keys `report.doing.<class>`.
DOING = {
    "unit_on_standby": "standby", "unit_assigned": "told", "unit_acknowledged": "told", "unit_en_route": "moving",
    "unit_on_scene": "scene", "unit_at_patient": "scene", "unit_left_scene": "carrying",
    "unit_at_landing_site": "meeting", "unit_at_destination": "door", "casualty_found": "scene",
    "casualty_boarded": "carrying", "casualty_arrived": "door", "prealert_sent": "told",
    "prealert_acknowledged": "ready", "unit_back_in_service": "", "unit_stood_down": "", "handover_completed": "",
    "casualty_closed": "",
}  # fmt: skip
SAID_TOGETHER_S = 60.0  # dispatch sends several vehicles, or hears several approvals, in one breath
MOST_EM = 24.0  # of a flag's words; dispatch lists more
OF_A_CASUALTY = ("casualty_found", "casualty_boarded", "casualty_arrived", "handover_completed", "casualty_closed")
OF_A_WARD = ("prealert_sent", "prealert_acknowledged", "casualty_arrived", "handover_completed")


@dataclass(frozen=True)
class Bar:
    start: datetime
    end: datetime
    doing: str


Row = tuple[str, list[Bar], str | None]  # title, bars, triage colour (None for a vehicle)


@dataclass(frozen=True)
class Lane:
    title: str
    subtitle: str
    bars: Sequence[Bar]
    facts: Sequence[list[Entry]]
    most_em: float = MOST_EM


def lanes_of(story: Story, voice: Voice, axis: TimeAxis) -> list[Lane]:
    facts = [fact for fact in story.facts if axis.shows(fact.at)]
    desk = (fact for fact in facts if fact.kind in DISPATCH and _worth_a_flag(story, fact))
    lanes = [Lane(voice.say("report.lane.dispatch"), "", (), grouped(story, desk, SAID_TOGETHER_S), 2 * MOST_EM)]
    for mission in story.carriers:
        kind = "helicopter" if story.flies(mission.unit) else "ambulance"
        name = story.unit_name(voice, mission.unit)
        mine = (fact for fact in facts if fact.kind in VEHICLE and fact.body.get("unit") == mission.unit)
        lanes.append(
            Lane(voice.say(f"report.lane.{kind}"), name, bars_of(mission.times, axis.end), grouped(story, mine))
        )
    case = story.case
    if case is not None:
        mine = (fact for fact in facts if fact.kind in CASUALTY and _of_the_case(story, fact))
        title = voice.say("report.casualty", label=case.label)
        bars = bars_of(case.times, axis.end, OF_A_CASUALTY)
        lanes.append(Lane(title, voice.say("report.lane.severe"), bars, grouped(story, mine)))
    if case is not None and case.hospital is not None:
        ward = (fact for fact in facts if fact.kind in WARD and _concerns(story, fact))
        bars = bars_of(case.times, axis.end, OF_A_WARD)
        name = story.hospital_name(voice, case.hospital)
        lanes.append(Lane(voice.say("report.lane.hospital"), name, bars, grouped(story, ward)))
    return lanes


def _worth_a_flag(story: Story, fact: Entry) -> bool:
    """Dispatch's lane tells what was settled, and of the casualties only the severe one; the chronicle has it all."""
    body = fact.body
    task = story.picture.tasks.get(body.get("task", ""))
    match fact.kind:
        case "agency_linked":
            return story.call is None or body["agency"] != story.call.body.get("channel")
        case "task_opened":
            return task is not None and task.settled_at is None
        case "task_done":
            return task is not None and not task.approver and not task.kind.startswith("air_")
        case "destination_proposed" | "destination_chosen":
            return body["casualty"] == story.severe
        case _:
            return True


def _of_the_case(story: Story, fact: Entry) -> bool:
    """Of the severe casualty; of the findings, which come again and again as they are typed, the first."""
    if fact.body.get("casualty") != story.severe:
        return False
    if fact.kind != "findings_recorded":
        return True
    first = next(x for x in story.facts if x.kind == fact.kind and x.body["casualty"] == story.severe)
    return first.seq == fact.seq


def _concerns(story: Story, fact: Entry) -> bool:
    """Of the severe casualty: said with their id, or a read-back of a message that was."""
    body, case = fact.body, story.case
    if case is None:
        return False
    if fact.kind == "team_member_reported":
        return body["casualty"] == case.id and story.completes_team(fact)
    if fact.kind == "message_read":
        message = story.picture.messages.get(body["message"])
        return message is not None and message.casualty == case.id
    return body.get("casualty") == case.id or ("casualty" not in body and body.get("hospital") == case.hospital)


def bars_of(times: Mapping[str, datetime], until: datetime, facts: Collection[str] = DOING) -> list[Bar]:
    """What was being done from each of these facts to the next; the last one goes on to `until`."""
    steps = sorted((at, DOING[fact]) for fact, at in times.items() if fact in DOING and fact in facts)
    ends = [at for at, _ in steps[1:]] + [until]
    bars = [Bar(at, end, doing) for (at, doing), end in zip(steps, ends, strict=True) if doing and end > at]
    joined: list[Bar] = []
    for bar in bars:
        if joined and joined[-1].doing == bar.doing and joined[-1].end == bar.start:
            joined[-1] = Bar(joined[-1].start, bar.end, bar.doing)
        else:
            joined.append(bar)
    return joined


def others_of(story: Story, voice: Voice) -> list[Row]:
    """Every other vehicle's mission and every other casualty, to their end."""
    until = max((fact.at for fact in story.facts), default=story.end or story.zero)
    assert until is not None
    rows: list[Row] = []
    for mission in story.missions:
        if story.severe not in mission.carried:
            rows.append((story.unit_name(voice, mission.unit), bars_of(mission.times, until), None))
    for state in story.picture.casualties.values():
        if state.id != story.severe:
            title = voice.say("report.casualty", label=state.label)
            if state.hospital is not None:
                title = f"{state.label} → {story.hospital_name(voice, state.hospital)}"
            rows.append((title, bars_of(state.times, until, OF_A_CASUALTY), str(state.category or "none")))
    return rows
