"""Decide again when anything but the roads changed for a casualty: capacity, findings, triage, a refusal, an aircraft.

Hears every batch of the book, and what runs out by itself, and notes who is behind; `look()` thinks for a few of them,
each as of the instant of what changed. Whose turn it is, is dispatch/taking_turns.py's; what is worth telling is
dispatch/switching.py's; roads are dispatch/road_watch.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from casebook.events import Decision
from casebook.log import Entry
from casebook.picture import HospitalState, Picture
from dispatch.desk import DESK, FRESH_S, Desk
from dispatch.policy import RerouteRules
from dispatch.switching import (
    ON_THE_WAY,
    Situations,
    capacity_name,
    is_decided_on,
    is_under_way,
    is_worth_telling,
    next_turn,
    situations,
)
from dispatch.taking_turns import Behind, in_turn, rest_s

# These change no decision but through the places of vehicles, which every decision looks at anew.
STREAMING = frozenset(
    {"vitals_recorded", "position_reported", "traffic_observed", "message_sent", "message_read", "mark_drawn"}
    | {"marks_removed", "snapshot_taken", "tag_tied", "samples_counted", "samples_shown", "wave_record_begun"}
    | {"media_key_pinned", "media_key_refused", "media_key_accepted", "uplink_changed"}
    | {"voice_joined", "voice_left", "voice_spoke", "picture_opened", "picture_closed"}
    | {"recording_started", "recording_stopped", "recording_kept", "recording_held", "recording_watched"}
    | {"recording_deleted", "file_received"}
)
ANSWERS = frozenset({"destination_proposed", "no_destination", "destination_chosen"})
AT_ONCE = 8  # casualties thought for in one look, so that what else the desk looks after is not kept waiting


class CaseWatch:
    """`hear` every batch, `look` now and then. `lock` is the road watch's: one of both writes at a time."""

    def __init__(self, desk: Desk, rules: RerouteRules, lock: asyncio.Lock) -> None:
        self._desk, self._rules, self._lock = desk, rules, lock
        self._situations: Situations | None = None
        self._seen: dict[str, tuple[Any, ...]] = {}  # casualty -> the situation it was last decided in
        self._behind: dict[str, Behind] = {}
        self._named: tuple[Mapping[str, HospitalState] | None, datetime | None, str] = (None, None, "")
        self._turns_at: datetime | None = None  # when something of it runs out by itself
        self._noted_at = desk.clock.now()
        self._note(self._noted_at)
        self._behind = dict.fromkeys(self._seen, Behind(self._noted_at, None))

    def hear(self, entries: Sequence[Entry]) -> None:
        """Note whose situation these entries changed."""
        if any(entry.kind not in STREAMING for entry in entries):
            answered = {str(entry.body.get("casualty")) for entry in entries if entry.kind in ANSWERS}
            self._note(entries[-1].at, answered)

    def _note(self, at: datetime, answered: Set[str] = frozenset()) -> None:
        picture = self._desk.book.picture
        at = self._noted_at = max(at, self._noted_at)  # what a vehicle tells late turns no closure back
        self._turns_at = next_turn(picture, at)
        self._situations = situations(picture, self._capacity(picture, at), at, self._situations)
        for state in picture.casualties.values():
            if not (is_decided_on(state) and is_under_way(picture, state)):
                if state.stage not in ON_THE_WAY:  # and never will be again
                    self._seen.pop(state.id, None)
                continue
            now = self._situations.of(state)
            if state.id in answered or state.id not in self._seen:
                self._behind.pop(state.id, None)
            elif now != self._seen[state.id]:
                before = self._behind.get(state.id)
                self._behind[state.id] = before.again(at) if before else Behind(at, at)
            self._seen[state.id] = now

    def _capacity(self, picture: Picture, at: datetime) -> str:
        """The name of what hospitals told, found again while neither they nor time have changed it."""
        hospitals, turns_at, _ = self._named
        if hospitals is not picture.hospitals or turns_at != self._turns_at:
            self._named = (picture.hospitals, self._turns_at, capacity_name(picture.hospitals, at))
        return self._named[2]

    @property
    def owing(self) -> bool:
        """Whether somebody waits for a turn."""
        return bool(self._behind)

    async def look(self) -> None:
        """Think again for a few of those who are behind, with rests between; a crew that asks ends it."""
        desk, now_s = self._desk, asyncio.get_running_loop().time
        if self._turns_at is not None and self._turns_at <= desk.clock.now():
            self._note(self._turns_at)
        for id in in_turn(desk.book.picture, self._behind, desk.clock.now(), desk.clock.rate)[:AT_ONCE]:
            async with self._lock:
                began_s = now_s()
                if id in self._behind:
                    await self._decide_again(id, self._instant(self._behind.pop(id).changed))
            if desk.is_asked:
                return
            if self.owing:
                await desk.rest(rest_s(now_s() - began_s, desk.clock.rate))

    async def _decide_again(self, id: str, at: datetime) -> None:
        picture = self._desk.book.picture
        if not is_under_way(picture, picture.get_casualty(id)):
            return
        worth: Callable[[Picture, Decision], bool] = partial(is_worth_telling, id=id, at=at, rules=self._rules)
        await self._desk.propose(id, at, DESK, worth=worth)

    def _instant(self, since: datetime | None) -> datetime:
        """That of the change while it is fresh, so that a drill decides the same each time; else now."""
        now = self._desk.clock.now()
        fresh = since is not None and now - since <= timedelta(seconds=FRESH_S * self._desk.clock.rate)
        return since if fresh and since is not None else now
