"""Keep what the crew hands in (a photo, a strip, a clip, a loop) on the vehicle's disk until the hub has all of it.

A file is two: NAME.file, in pieces of `PIECE_BYTES` that are sealed one by one where the vehicle has a key, and
NAME.json, what is known of it, written last: without it there is no file. The outbox goes first: with little room left
nothing is taken. Sending is `file_upload`'s.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from casebook.errors import CoordinationError, RefusedInput
from media.file_types import BYTES_MAX, HEAD_BYTES, Kind, check_size, type_of

PIECE_BYTES = 64 << 10
FREE_BYTES = 256 << 20  # what the outbox and the waves may still need
WAITING_MAX = 200
_NONCE_BYTES, _SEALED_MORE = 12, 28  # AES-GCM: nonce before, tag after each piece


class NoRoom(CoordinationError):
    """The vehicle's disk is too full for files."""

    key = "files_no_room_here"
    http_status = 507


class Waiting(msgspec.Struct, frozen=True):
    """A file that the hub does not have yet. `state`: waiting, sending, refused (`why`: the hub's word)."""

    sha256: str
    casualty: str
    kind: Kind
    media_type: str
    bytes: int
    taken_at: datetime
    sent: int = 0
    state: str = "waiting"
    why: str = ""

    @property
    def name(self) -> str:
        """The same file for another casualty is another one."""
        return hashlib.sha256(f"{self.casualty}\n{self.sha256}".encode()).hexdigest()[:32]


class Spool:
    """`key` (32 bytes, as the outbox's) seals what lies on the disk; empty: it is not sealed."""

    def __init__(
        self,
        folder: Path,
        key: bytes = b"",
        *,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._folder, self._aead, self._free_bytes = folder, AESGCM(key) if key else None, free_bytes
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._waiting: dict[str, Waiting] = {}
        self.unreadable = 0  # files that another key sealed, or a power cut left half written
        for file in sorted(folder.glob("*.json")):
            self._find(file)

    def add(self, content: bytes, casualty: str, kind: Kind, taken_at: datetime) -> Waiting:
        """Keep a file; it is on the disk when this returns. Blocks. The same one again changes nothing.

        Raises WrongType, TooLarge, NoRoom, RefusedInput (`files_waiting_full`).
        """
        check_size(len(content), BYTES_MAX)
        found = type_of(content[:HEAD_BYTES])
        check_size(len(content), found.bytes_max)
        sha256 = hashlib.sha256(content).hexdigest()
        one = Waiting(sha256, casualty, kind, found.media, len(content), taken_at)
        if one.name in self._waiting:
            return self._waiting[one.name]
        if len(self._waiting) >= WAITING_MAX:
            raise RefusedInput("files_waiting_full", limit=WAITING_MAX)
        if self._free_bytes(self._folder) - len(content) < FREE_BYTES:
            raise NoRoom(free_mb=FREE_BYTES >> 20)
        try:
            self._write(self._file(one), self._sealed(one.name, content))
            self._note(one)
        except OSError as why:
            self._file(one).unlink(missing_ok=True)
            raise NoRoom(free_mb=FREE_BYTES >> 20) from why
        self._waiting[one.name] = one
        return one

    def next(self, passed_over: Collection[str] = ()) -> Waiting | None:
        """What is to be sent first: the oldest that was not refused, nor is to be passed over now, by name."""
        open_ = [one for name, one in self._waiting.items() if one.state != "refused" and name not in passed_over]
        return min(open_, key=lambda one: one.taken_at, default=None)

    def read(self, one: Waiting, offset: int) -> bytes:
        """What follows `offset`, at most to the end of its piece; empty at the end. Raises ValueError: altered."""
        place, within = divmod(offset, PIECE_BYTES)
        more = _SEALED_MORE if self._aead else 0
        with self._file(one).open("rb") as opened:
            opened.seek(place * (PIECE_BYTES + more))
            raw = opened.read(PIECE_BYTES + more)
        if not raw:
            return b""
        return self._opened(f"{one.name}/{place}", raw)[within:]

    def change(self, one: Waiting, *, lasting: bool = False, **changes: Any) -> None:
        """Note how far it is; `lasting`: also for after a restart."""
        if one.name not in self._waiting:
            return
        self._waiting[one.name] = after = msgspec.structs.replace(self._waiting[one.name], **changes)
        if lasting:
            self._note(after)

    def remove(self, one: Waiting) -> None:
        """The hub has it."""
        self._waiting.pop(one.name, None)
        self._place(one.name, ".json").unlink(missing_ok=True)
        self._file(one).unlink(missing_ok=True)

    def told(self) -> list[dict[str, Any]] | None:
        """For the tablet, oldest first: {casualty, kind, bytes, sent, state, why, taken_at}; None: nothing waits."""
        ordered = sorted(self._waiting.values(), key=lambda one: one.taken_at)
        names = ("casualty", "kind", "bytes", "sent", "state", "why", "taken_at")
        return [{name: getattr(one, name) or None for name in names} | {"sent": one.sent} for one in ordered] or None

    def _find(self, file: Path) -> None:
        try:
            one = msgspec.json.decode(self._opened(file.stem, file.read_bytes()), type=Waiting)
            size = self._file(one).stat().st_size
        except (OSError, ValueError, msgspec.DecodeError):
            self.unreadable += 1
            return
        pieces = -(-one.bytes // PIECE_BYTES)
        if size != one.bytes + (pieces * _SEALED_MORE if self._aead else 0):
            self.unreadable += 1
            return
        self._waiting[one.name] = one

    def _note(self, one: Waiting) -> None:
        self._write(self._place(one.name, ".json"), self._closed(one.name, msgspec.json.encode(one)))

    def _sealed(self, name: str, content: bytes) -> bytes:
        pieces = range(0, len(content), PIECE_BYTES)
        return b"".join(self._closed(f"{name}/{n}", content[at : at + PIECE_BYTES]) for n, at in enumerate(pieces))

    def _closed(self, place: str, plain: bytes) -> bytes:
        if self._aead is None:
            return plain
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, place.encode())

    def _opened(self, place: str, raw: bytes) -> bytes:
        if self._aead is None:
            return raw
        try:
            return self._aead.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode())
        except InvalidTag as wrong:
            raise ValueError("the seal does not fit") from wrong

    def _file(self, one: Waiting) -> Path:
        return self._place(one.name, ".file")

    def _place(self, name: str, suffix: str) -> Path:
        return self._folder / f"{name}{suffix}"

    @staticmethod
    def _write(file: Path, content: bytes) -> None:
        """On the disk, whole or not at all."""
        draft = file.with_name(f"{file.name}.new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
