"""The hospital room: its asks, its wall's view, and what it does by itself; the composition root plugs it in.

Decides nothing: each ask finds the pure function that does, and writes what follows in one batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime
from pathlib import Path
from typing import Any

from casebook import events as e
from casebook.access import Role, need_hospital
from casebook.asking import Ask, Asker, Command, Handler
from casebook.book import Book
from casebook.clock import Clock
from casebook.desks import Due
from casebook.live import PlainView
from casebook.picture import Picture
from hospital_board.bays import AssignBay, ClearBay, assign_bay, clear_bay
from hospital_board.board import Ledger, is_shown
from hospital_board.capacity_desk import (
    CloseService,
    ReopenService,
    ReportCapacity,
    close_service,
    reopen_service,
    report_capacity,
)
from hospital_board.capacity_import import ImportCapacity, import_capacity
from hospital_board.cases import get_own_case, list_own_cases
from hospital_board.consult import SendMessage, send_message
from hospital_board.consult_marks import DrawMark, RemoveMarks, draw_mark, remove_marks, take_snapshot
from hospital_board.consult_recording import (
    HoldRecording,
    StartRecording,
    StopRecording,
    hold_recording,
    over,
    start_recording,
    stop_recording,
)
from hospital_board.consult_stills import KeepStill, Stills
from hospital_board.handover import SignHandover, sign_handover, signed_by_both
from hospital_board.readiness import (
    AcknowledgePrealert,
    ActivateTeam,
    ReportMember,
    acknowledge_prealert,
    activate_team,
    report_member,
    unanswered,
)
from hospital_board.wall_parts import WallParts

WALL = Path(__file__).parent / "wall"  # the screen's folder, for casebook.screens.add_screen
Decide = Callable[[Picture, Any, str, datetime], Iterable[e.Event]]  # picture, command, who asks, when

CAPACITY = (Role.ED, Role.DISPATCHER)  # a hospital may also be heard by telephone
WARD = (Role.ED,)
ASKS: dict[str, tuple[type[Command], tuple[Role, ...], Decide]] = {
    "report_capacity": (ReportCapacity, CAPACITY, lambda p, c, who, at: report_capacity(p, c)),
    "import_capacity": (ImportCapacity, CAPACITY, lambda p, c, who, at: import_capacity(p, c, at)),
    "close_service": (CloseService, CAPACITY, lambda p, c, who, at: close_service(p, c, at)),
    "reopen_service": (ReopenService, CAPACITY, lambda p, c, who, at: reopen_service(p, c)),
    "acknowledge_prealert": (AcknowledgePrealert, WARD, lambda p, c, who, at: acknowledge_prealert(p, c, who)),
    "assign_bay": (AssignBay, WARD, lambda p, c, who, at: assign_bay(p, c, at)),
    "clear_bay": (ClearBay, WARD, lambda p, c, who, at: clear_bay(p, c, at)),
    "activate_team": (ActivateTeam, WARD, lambda p, c, who, at: activate_team(p, c)),
    "report_member": (ReportMember, WARD, lambda p, c, who, at: report_member(p, c)),
    "send_message": (SendMessage, WARD, lambda p, c, who, at: send_message(p, c)),
    "draw_mark": (DrawMark, WARD, lambda p, c, who, at: draw_mark(p, c, who)),
    "start_recording": (StartRecording, WARD, lambda p, c, who, at: start_recording(p, c, who)),
    "stop_recording": (StopRecording, WARD, lambda p, c, who, at: stop_recording(p, c, who)),
    "hold_recording": (HoldRecording, WARD, lambda p, c, who, at: hold_recording(p, c, who)),
    "remove_marks": (RemoveMarks, WARD, lambda p, c, who, at: remove_marks(p, c, who)),
    "sign_handover": (SignHandover, WARD, lambda p, c, who, at: sign_handover(p, c, who, at)),
}


def hospitals_of(command: Any) -> tuple[str, ...]:
    """The hospitals that a command speaks for."""
    if isinstance(command, ImportCapacity):
        return tuple(dict.fromkeys(row.hospital for row in command.rows))
    return (command.hospital,)


class HospitalRoom:
    """Every hospital's receiving end over one book. An ED's badge reaches its own hospital only."""

    def __init__(self, book: Book, clock: Clock, stills: Stills | None = None) -> None:
        self._book, self._clock = book, clock
        self.stills = stills or Stills()

    def asks(self) -> list[Ask]:
        asks = [Ask(name, kind, roles, self._handler(name, decide)) for name, (kind, roles, decide) in ASKS.items()]
        return [*asks, Ask("keep_still", KeepStill, WARD, self._keep_still)]

    async def _keep_still(self, command: KeepStill, asker: Asker) -> dict[str, Any]:
        """The file first, then the fact that names it: a fact without its still would prove nothing."""
        need_hospital(asker.badge, command.hospital, what="keep_still")
        get_own_case(self._book.picture, command.casualty, command.hospital)
        sha256 = await asyncio.to_thread(self.stills.keep, command.image)
        at = asker.at or self._clock.now()
        entries = await self._book.write(
            lambda picture: take_snapshot(
                picture, command.casualty, command.hospital, asker.badge.who, frame=command.frame,
                frame_wall_ms=command.frame_wall_ms, sha256=sha256, bytes=len(command.image),
            ),
            by=asker.by, at=at, asked=asker.key,
        )  # fmt: skip
        return {"entries": [entry.seq for entry in entries], "sha256": sha256}

    def _handler(self, name: str, decide: Decide) -> Handler:
        async def handle(command: Any, asker: Asker) -> dict[str, Any]:
            for hospital in hospitals_of(command):
                need_hospital(asker.badge, hospital, what=name)
            at = asker.at or self._clock.now()
            entries = await self._book.write(
                lambda picture: decide(picture, command, asker.badge.who, at), by=asker.by, at=at, asked=asker.key
            )
            return {"entries": [entry.seq for entry in entries]}

        return handle

    @staticmethod
    def due(picture: Picture, now: datetime) -> list[Due]:
        """What the ward's desk must do by itself now. Looks at the picture only: asked twice, it is done once."""
        return [due for due in (*unanswered(picture, now), *signed_by_both(picture), *over(picture)) if due.facts]

    @staticmethod
    def look(hospital: str, ledger: Ledger = lambda casualty: None) -> Callable[[Picture, datetime], PlainView]:
        """The view of one wall, for a Feed; what has not changed since the last look are the same objects."""
        return WallParts(hospital, ledger).look

    def follows(self, hospital: str) -> Callable[[Picture], AbstractSet[str]]:
        """Whose vitals stream to that wall: of its own cases those that it shows."""

        def follow(picture: Picture) -> AbstractSet[str]:
            now = self._clock.now()
            return frozenset(state.id for state in list_own_cases(picture, hospital) if is_shown(state, now))

        return follow
