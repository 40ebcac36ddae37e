"""The case as the page tells it: who took part, what happened when, who was where. Reads entries, writes nothing.

A fact's sentence is made here, once for timeline and chronicle; where it stands on the timeline is timeline.py's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from casebook.log import By, Entry
from casebook.picture import CasualtyState, Picture
from casebook.place import Place
from casebook.words import catalogue
from scenarios.report import folded
from scenarios.report_intervals import HELICOPTER, Mission, missions_of
from scenarios.report_page.voice import NOTHING, Voice

STREAMING = ("position_reported", "vitals_recorded")  # many a second; told as tracks and curves, not as lines
SETTING = ("drill_started", "hospital_enrolled", "unit_enrolled", "capacity_reported")  # before the call
SILENT_S = 60.0  # a vehicle not heard of for longer has no track in between
QUIET_END_S = 60.0  # of the timeline after its last fact


Fix = tuple[datetime, float, float]  # at, lat, lon


@dataclass(frozen=True)
class Story:
    """Everything the drawings look at. `severe` is the id of the casualty whose clocks are told, None if not found."""

    report: Mapping[str, Any]
    entries: Sequence[Entry]
    picture: Picture
    severe: str | None

    @classmethod
    def of(cls, report: Mapping[str, Any], entries: Sequence[Entry]) -> Story:
        picture = folded(entries)
        label = report.get("severe")
        found = (one.id for one in picture.casualties.values() if label is None or one.label == label)
        return cls(report, entries, picture, next(found, None))

    @cached_property
    def case(self) -> CasualtyState | None:
        return self.picture.casualties.get(self.severe or "")

    @cached_property
    def call(self) -> Entry | None:
        """The call of the severe casualty's incident, else the first call."""
        incident = self.case.incident if self.case else None
        calls = [entry for entry in self.entries if entry.kind == "incident_opened"]
        return next((x for x in calls if incident in (None, x.body["incident"])), None)

    @cached_property
    def zero(self) -> datetime | None:
        """When the incident happened: T+0."""
        return self.picture.incidents[self.call.body["incident"]].happened_at if self.call else None

    @cached_property
    def facts(self) -> list[Entry]:
        """What happened, without the setting of the stage and what streams; the first sample of each casualty stays."""
        seen: set[str] = set()
        kept: list[Entry] = []
        began = self.call.seq if self.call else 0
        for entry in self.entries:
            if entry.kind == "vitals_recorded" and entry.body["casualty"] not in seen:
                seen.add(entry.body["casualty"])
                kept.append(entry)
            elif entry.kind not in STREAMING and (entry.seq >= began or entry.kind not in SETTING):
                kept.append(entry)
        return kept

    @cached_property
    def missions(self) -> list[Mission]:
        return missions_of(self.entries)

    @cached_property
    def carriers(self) -> list[Mission]:
        """The missions that carried the severe casualty, in order."""
        return [mission for mission in self.missions if self.severe in mission.carried]

    def flies(self, unit: str) -> bool:
        state = self.picture.units.get(unit)
        return state is not None and state.kind == HELICOPTER

    @cached_property
    def end(self) -> datetime | None:
        """Where the timeline ends: when the severe casualty was handed over, else with the last fact."""
        if self.case is None or self.zero is None:
            return self.facts[-1].at if self.facts else None
        done = self.case.times.get("handover_completed") or max(fact.at for fact in self.facts)
        return max(done, self.zero + timedelta(seconds=QUIET_END_S)) + timedelta(seconds=QUIET_END_S)

    @cached_property
    def tracks(self) -> dict[str, list[list[Fix]]]:
        """Every vehicle's fixes on its missions, in order of time, cut where none came for a minute."""
        found: dict[str, list[Fix]] = {}
        for entry in self.entries:
            if entry.kind == "position_reported":
                body = entry.body
                found.setdefault(body["unit"], []).append((entry.at, body["lat"], body["lon"]))
        runs: dict[str, list[list[Fix]]] = {}
        for mission in self.missions:
            start, end = mission.span
            fixes = sorted(fix for fix in found.get(mission.unit, ()) if start <= fix[0] and (not end or fix[0] <= end))
            runs.setdefault(mission.unit, []).extend(_cut(fixes))
        return runs

    def samples(self) -> list[Entry]:
        """Every sample of the severe casualty in order of time."""
        mine = (x for x in self.entries if x.kind == "vitals_recorded" and x.body["casualty"] == self.severe)
        return sorted(mine, key=lambda entry: (entry.at, entry.seq))

    def late(self, entry: Entry, beyond_s: float = 5.0) -> bool:
        """Did it reach the book more than `beyond_s` wall seconds after it happened? (the link was down)"""
        rate = float(self.report.get("rate") or 1.0)
        return (entry.recorded_at - entry.at).total_seconds() / rate > beyond_s

    # --- words

    def label(self, casualty: str) -> str:
        state = self.picture.casualties.get(casualty)
        return state.label if state else casualty

    def unit_name(self, voice: Voice, unit: str) -> str:
        return voice.named(self.picture.units.get(unit), unit)

    def hospital_name(self, voice: Voice, hospital: str | None) -> str:
        return voice.named(self.picture.hospitals.get(hospital), hospital) if hospital else NOTHING

    @cached_property
    def sites(self) -> dict[str, Place]:
        """Landing sites by id, as the places of the legs that led there."""
        found: dict[str, Place] = {}
        heading: dict[str, Place] = {}
        for entry in self.entries:
            if entry.kind in ("leg_given", "unit_assigned") and entry.body.get("leg"):
                heading[entry.body["unit"]] = Place(**entry.body["leg"]["to"])
            elif entry.kind == "unit_at_landing_site" and entry.body["unit"] in heading:
                found.setdefault(entry.body["site"], heading[entry.body["unit"]])
        return found

    def author(self, voice: Voice, by: By) -> str:
        """Who said so: the role, and which vehicle or hospital."""
        role = voice.word("report.role", by.role)
        known = self.picture.units.get(by.who) or self.picture.hospitals.get(by.who)
        return f"{role} · {voice.named(known, by.who)}" if known or by.who not in (by.role, "") else role

    def site_name(self, voice: Voice, site: str | None) -> str:
        return voice.named(self.sites.get(site), site) if site else NOTHING

    def completes_team(self, entry: Entry) -> bool:
        """Is this the report by which the whole team of its casualty was ready?"""
        state = self.picture.casualties.get(entry.body.get("casualty", ""))
        complete = state.times.get("team_complete") if state else None
        return entry.kind == "team_member_reported" and entry.body["state"] == "ready" and entry.at == complete

    def key(self, entry: Entry) -> str:
        """The word's key: helicopters lift and land, and an order is more than a message."""
        key, variant = f"report.fact.{entry.kind}", ""
        if self.flies(str(entry.body.get("unit"))):
            variant = ".air"
        elif self.completes_team(entry):
            variant = ".complete"
        elif entry.body.get("clear") is False:
            variant = ".not"
        elif entry.kind == "message_sent" and entry.body.get("order"):
            variant = ".order"
        elif entry.kind == "message_read" and entry.body.get("read_back"):
            variant = ".back"
        return key + variant if key + variant in catalogue("zh") else key

    def phrase(self, voice: Voice, facts: Sequence[Entry]) -> str:
        """What these facts of one kind say together: where they differ, their words are listed."""
        told: dict[str, list[str]] = {}
        for fact in facts:
            for name, value in self._told(voice, fact).items():
                words = told.setdefault(name, [])
                words += [value] if value not in words else []
        return voice.say(self.key(facts[0]), **{name: voice.listed(words) for name, words in told.items()})

    def subject(self, voice: Voice, entry: Entry) -> str:
        """Whom the fact is about: vehicle, casualty, hospital; empty for what concerns the whole incident."""
        body, who = entry.body, []
        if "unit" in body:
            who.append(self.unit_name(voice, body["unit"]))
        if "casualty" in body:
            who.append(voice.say("report.casualty", label=self.label(body["casualty"])))
        elif "hospital" in body:
            who.append(self.hospital_name(voice, body["hospital"]))
        return " · ".join(who)

    def _told(self, voice: Voice, entry: Entry) -> dict[str, str]:
        body = entry.body
        told = {name: str(value) for name, value in body.items() if isinstance(value, (str, int, float))}
        hospital = body.get("hospital") or body.get("option", {}).get("hospital")
        told["hospital"] = self.hospital_name(voice, hospital)
        for unit in ("unit", "from_unit", "to_unit"):
            if unit in body:
                told[unit] = self.unit_name(voice, body[unit])
        if "casualty" in body:
            told["label"] = self.label(body["casualty"])
        if "option" in body:
            told["mode"] = voice.word("report.way", body["option"]["mode"])
        if entry.kind in ("road_closed", "road_slowed"):
            told["ref"] = body.get("ref") or voice.say("report.some_roads")
            told["reason"] = voice.word("report.closure", body["reason"])
        if "site" in body:
            told["site"] = self.site_name(voice, body["site"])
        return told | _vocabulary(voice, self.picture, body)


def _cut(fixes: Sequence[Fix]) -> list[list[Fix]]:
    runs: list[list[Fix]] = []
    for fix in fixes:
        if not runs or (fix[0] - runs[-1][-1][0]).total_seconds() > SILENT_S:
            runs.append([])
        runs[-1].append(fix)
    return runs


def _vocabulary(voice: Voice, picture: Picture, body: Mapping[str, Any]) -> dict[str, str]:
    """Ids of open vocabularies as words."""
    told: dict[str, str] = {}
    task = picture.tasks.get(body.get("task", ""))
    if task is not None:
        told |= {
            "task": voice.word("report.task", task.kind),
            "to": voice.word("report.party", body.get("to", task.to)),
        }
    for name, group in (
        ("agency", "report.party"), ("side", "report.side"), ("channel", "report.channel"), ("team", "report.team"),
        ("member", "hospital.member"), ("state", "hospital.member_state"), ("answer", "report.answer"),
        ("approver", "report.party"), ("category", "report.colour"), ("rung", "media.rung"),
    ):  # fmt: skip
        if name in body:
            told[name] = voice.word(group, body[name])
    if "resource" in body:
        told["resource"] = voice.resource(body["resource"])
    if "session" in body and "state" in body:  # of an uplink, not of a team's member
        told["state"] = voice.word("media.uplink", body["state"])
    if "rung" in body:
        told["why"] = voice.word("media.rung_why", body["why"])
    if body.get("level") is not None:
        told["level"] = voice.word("report.team_level", body["level"])
    return told


def grouped(story: Story, facts: Iterable[Entry], within_s: float = 0.0) -> list[list[Entry]]:
    """Facts in order of time; those of one kind (and of one kind of task) within `within_s` of the first together."""
    groups: list[list[Entry]] = []
    newest: dict[tuple[str, str], list[Entry]] = {}
    for fact in sorted(facts, key=lambda entry: (entry.at, entry.seq)):
        task = story.picture.tasks.get(fact.body.get("task", ""))
        key = (story.key(fact), task.kind if task else "")
        group = newest.get(key)
        if group is None or (fact.at - group[0].at).total_seconds() > within_s:
            group = newest[key] = []
            groups.append(group)
        group.append(fact)
    return groups
