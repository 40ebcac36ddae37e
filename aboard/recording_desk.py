"""Do at a hub what the book says of recordings: begin, feed and end them, tell what was kept, delete what is over.

Whether something is to be recorded is a fact of the case (`hospital_board.consult_recording`); this follows it. After a
restart it goes on with what still runs, and tells what the hub before left half written.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import Request

from casebook import events as e
from casebook.access import Role, need
from casebook.door import badge_of
from casebook.errors import CoordinationError, NotAllowed, NotFound
from casebook.guidance import marks_view
from casebook.log import By, Entry
from casebook.recording_state import RecordingState
from casebook.recordings import find_recording, list_running
from hospital_board.cases import is_own
from media.forwarder import MediaPlane
from media.guidance.wire import read_from_vehicle
from media.recording import Kept, Recording
from media.recording_door import recording_router
from media.recordings import Recordings
from media.retention import Rule, read_rules, stored
from media.sealed_file import DiskSeal

if TYPE_CHECKING:
    from aboard.hub import Hub

log = logging.getLogger(__name__)
DESK = By("desk", "media", "device")
SAMPLE = e.VitalsRecorded.name  # begins and ends no recording
LOOK_S = 0.25  # wall seconds between looks at what is to run; a fact is looked at sooner
ROOM_S, EXPIRE_S = 1.0, 3600.0
# What is put beside the pictures: what the vehicle's viewers and its crew saw and did meanwhile.
TOLD = frozenset(
    {"vitals_recorded", "mark_drawn", "marks_removed", "snapshot_taken", "tag_tied", "message_sent", "message_read"}
    | {"picture_quality_changed", "picture_opened", "picture_closed", "casualty_triaged", "findings_recorded"}
)


@dataclass(eq=False)
class _Run:
    """A recording in progress, and how to stop what feeds it."""

    state: RecordingState
    recording: Recording
    stops: tuple[Callable[[], None], ...]


class RecordingDesk:
    """`rules`: how long what is kept; the newest in force counts."""

    def __init__(self, hub: Hub, recordings: Recordings, rules: Sequence[Rule]) -> None:
        self._hub, self._book, self._recordings, self._rules = hub, hub.book, recordings, rules
        self._runs: dict[str, _Run] = {}
        self._news = asyncio.Event()
        self._book.listen(self._hear)
        hub.app.include_router(recording_router(recordings, self._find, self._every, self._watched))

    async def run(self) -> None:
        """Follow the book until cancelled; then finish every file."""
        try:
            await self._tell_left_over()
            room_s = expire_s = float("-inf")
            while True:
                self._news.clear()
                await self._follow()
                now_s = asyncio.get_running_loop().time()
                if now_s - room_s >= ROOM_S:
                    room_s = now_s
                    await self._look_for_room()
                if now_s - expire_s >= EXPIRE_S:
                    expire_s = now_s
                    await self.expire()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._news.wait()
        finally:
            for name in list(self._runs):
                await self._end(name)

    # --- following the book

    async def _follow(self) -> None:
        wanted = {one.started.recording: one for one in list_running(self._book.picture)}
        for name in [name for name in self._runs if name not in wanted]:
            await self._end(name)
        for name, state in wanted.items():
            if name not in self._runs:
                await self._begin(name, state)

    async def _begin(self, name: str, state: RecordingState) -> None:
        hub, unit = self._hub, state.started.unit
        if not isinstance(hub.plane, MediaPlane):
            await self._stop(state, "no_engine")
            return
        if not self._recordings.has_room():
            await self._stop(state, "no_room")
            return
        plane, tasks = hub.plane, set[asyncio.Task[None]]()

        def want_key_frame() -> None:
            tasks.add(task := asyncio.ensure_future(plane.want_key_frame(unit)))
            task.add_done_callback(tasks.discard)

        recording = self._recordings.begin(name, began=lambda: self._as_it_is(state), want_key_frame=want_key_frame)
        stops = (plane.listen(unit, recording), hub.guidance.listen(unit, lambda raw: _note_places(recording, raw)))
        if state.started.voice:
            stops += (hub.voice.listen(unit, lambda party, packet: recording.hear(party.id, packet, party.badge.who)),)
        self._runs[name] = _Run(state, recording, stops)
        log.info("recording %s begins", name)

    async def _end(self, name: str) -> None:
        """Finish the files, then tell of each: a fact never names what is not on the disk."""
        run = self._runs.pop(name)
        for stop in run.stops:
            stop()
        await self._tell_kept(run.state, await self._recordings.end(name))
        log.info("recording %s ended: %d pictures", name, run.recording.frames)

    async def _look_for_room(self) -> None:
        """End what cannot go on. A hub without the vehicle's picture has nothing to say."""
        room = self._recordings.has_room()
        for run in list(self._runs.values()):
            refused = run.recording.refused
            if refused is not None or (not room and run.recording.frames):
                why = "no_room" if refused is None or isinstance(refused, OSError) else "unreadable"
                await self._stop(run.state, why)

    async def _stop(self, state: RecordingState, why: str) -> None:
        name, casualty = state.started.recording, state.started.casualty

        def decide(picture: Any) -> list[e.Event]:
            now = picture.casualties[casualty].recordings[name]
            return [e.RecordingStopped(name, casualty, why)] if now.stopped is None else []

        await self._book.write(decide, DESK)

    # --- what is put beside the pictures

    def _hear(self, entries: Sequence[Entry]) -> None:
        if any(entry.kind != SAMPLE for entry in entries):
            self._news.set()
        for run in self._runs.values():
            for entry in entries:
                if entry.kind in TOLD and self._concerns(entry, run.state.started.unit):
                    told = {"kind": entry.kind, "at": entry.at, "by": entry.by.who, "body": entry.body}
                    run.recording.note("fact", told)

    def _concerns(self, entry: Entry, unit: str) -> bool:
        if "unit" in entry.body:
            return entry.body["unit"] == unit
        named = entry.body.get("casualty") or str(entry.body.get("message", "")).split("/")[0]
        state = self._book.picture.casualties.get(named)
        return state is not None and state.unit == unit

    def _as_it_is(self, state: RecordingState) -> Mapping[str, Any]:
        """What stood on the screens when the first picture came."""
        unit = state.started.unit
        carried = [one for one in self._book.picture.casualties.values() if one.unit == unit]
        return {
            "recording": state.started.recording, "unit": unit, "at": self._book.clock.now(),
            "rate": self._book.clock.rate,
            "casualties": {
                one.id: {
                    "label": one.label, "category": one.category, "tag": one.tag, "marks": marks_view(one, unit) or {},
                    "vitals_at": one.latest.at if one.latest else None,
                    "vitals": dict(one.latest.vitals) if one.latest else {},
                }
                for one in carried
            },
            "viewers": self._hub.guidance.viewers(unit),
        }  # fmt: skip

    # --- what is kept

    async def _tell_left_over(self) -> None:
        """A hub that died wrote no fact of what it had written; what runs still goes on with the next number."""
        for state in self._book.picture.casualties.values():
            for name, recording in state.recordings.items():
                if recording.deleted_at is None and self._recordings.is_here(name):
                    left = await asyncio.to_thread(self._recordings.left_over, name, set(recording.files))
                    await self._tell_kept(recording, left)

    async def _tell_kept(self, state: RecordingState, kept: Sequence[Kept]) -> None:
        facts = [e.RecordingKept(state.started.recording, state.started.casualty, **asdict(one)) for one in kept]
        if facts:
            await self._book.write(lambda picture: facts, DESK)

    async def expire(self) -> list[str]:
        """Delete what is over by the rule in force: first the fact, then the files; the names of what went."""
        gone = []
        for one in stored(self._book.picture, self._rules, self._book.clock.now()):
            name = one.recording.started.recording
            if one.is_over(self._book.clock.now()) and self._recordings.is_here(name):
                fact = e.RecordingDeleted(name, one.recording.started.casualty, one.days)
                await self._book.write(lambda picture, fact=fact: [fact], DESK)
                gone.append(name)
        for state in self._book.picture.casualties.values():
            for name, recording in state.recordings.items():
                if recording.deleted_at is not None and self._recordings.is_here(name):
                    await asyncio.to_thread(self._recordings.delete, name)
        return gone

    # --- the door

    def _find(self, request: Request, name: str) -> RecordingState:
        """The ward of the case, dispatch and the director may look. Raises NotAllowed, NotFound."""
        badge, found = badge_of(self._hub.gate, request), find_recording(self._book.picture, name)
        if badge.role is not Role.ED:
            need(badge, Role.DISPATCHER, what="recording")
        elif found is None or not is_own(found[0], badge.hospital):
            raise NotAllowed("not_allowed", what="recording", needs=f"{Role.ED} of the receiving hospital")
        if found is None:
            raise NotFound(what="recording", id=name[:80])
        return found[1]

    def _every(self, request: Request) -> list[RecordingState]:
        """Those of a ward's own cases; of all, for dispatch and the director; the newest first."""
        badge = badge_of(self._hub.gate, request)
        if badge.role is not Role.ED:
            need(badge, Role.DISPATCHER, what="recording")
        states = self._book.picture.casualties.values()
        mine = [state for state in states if badge.role is not Role.ED or is_own(state, badge.hospital)]
        return sorted((one for state in mine for one in state.recordings.values()), key=lambda one: one.at)[::-1]

    async def _watched(self, request: Request, state: RecordingState, file: str) -> None:
        badge = badge_of(self._hub.gate, request)
        fact = e.RecordingWatched(state.started.recording, state.started.casualty, file)
        with contextlib.suppress(
            CoordinationError
        ):  # given all the same: what is not on record is a fault of the store
            await self._book.write(lambda picture: [fact], By(str(badge.role), badge.who, "replay"))


def add_recording(hub: Hub, folder: Path, seal: DiskSeal) -> RecordingDesk:
    """The desk of a hub, with its doors. Raises RefusedInput for rules that cannot be read."""
    loop_s = lambda: asyncio.get_running_loop().time()  # noqa: E731
    desk = RecordingDesk(hub, Recordings(folder / "recordings", loop_s, seal=seal), read_rules(folder))
    hub.works.append(desk.run)
    return desk


def _note_places(recording: Recording, raw: bytes) -> None:
    """Where marks are on one frame; a frame without any is said by saying nothing."""
    places = read_from_vehicle(raw)
    if places.marks or places.pointers or places.tags:
        recording.note("places", msgspec.to_builtins(places))
