"""Take large files from vehicles in pieces, whenever they come; keep each whole one by its digest, once.

FOLDER/parts/ID and ID.json while it comes, FOLDER/SHA256.suffix when it is whole. What arrived of a piece counts, also
when its request broke off; so a vehicle goes on where it stood, after an outage, a restart of its own or of the hub.
HTTP is `bulk_door`'s; that a file is here becomes a fact of the case by whoever is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

from casebook.errors import CoordinationError, NotFound, RefusedInput
from media.file_types import HEAD_BYTES, FileType, Kind, TooLarge, check_size, type_of
from media.sealed_file import PLAIN, DiskSeal

FREE_BYTES = 512 << 20  # as for waves and recordings: the book goes first
FORGET_S = 7 * 86_400.0  # a piece that nobody went on with for so long

Digest = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Claim(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a vehicle says of a file before it sends it."""

    unit: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    casualty: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    kind: Kind
    sha256: Digest
    bytes: int
    taken_at: datetime

    @property
    def id(self) -> str:
        """The same file for the same casualty from the same vehicle is the same upload."""
        return hashlib.sha256(f"{self.unit}\n{self.casualty}\n{self.sha256}".encode()).hexdigest()[:40]


class OffsetWrong(RefusedInput):
    """A piece that does not follow what is here: ask where to go on."""

    key = "file_offset"
    http_status = 409


class DigestWrong(RefusedInput):
    """All came, and it is not what was announced. What came is thrown away."""

    key = "file_digest"
    http_status = 460  # as the tus protocol has it for a checksum that does not match


class NoRoom(CoordinationError):
    """The hub's disk is full: the vehicle keeps the file and tries later."""

    key = "files_no_room"
    http_status = 507


class BulkStore:
    """All files of one hub. Times are the wall's."""

    def __init__(
        self,
        folder: Path,
        *,
        seal: DiskSeal = PLAIN,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._folder, self._free_bytes, self.seal = folder, free_bytes, seal
        self._parts = folder / "parts"
        self._parts.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._busy: dict[str, asyncio.Lock] = {}

    def begin(self, claim: Claim) -> int:
        """Make ready for a file, or find it; how many bytes of it are here. Raises TooLarge, NoRoom."""
        check_size(claim.bytes)
        if self._is_done(claim):
            return claim.bytes
        if self._free_bytes(self._folder) - claim.bytes < FREE_BYTES:
            raise NoRoom(free_mb=FREE_BYTES >> 20)
        self._note(claim)
        part = self._parts / claim.id
        part.touch(mode=0o600)
        return self.seal.size(part)

    def claim_of(self, id: str) -> Claim:
        """What was said of an upload. Raises NotFound: it never was, or is forgotten."""
        file = self._parts / f"{id}.json"
        if not id.isalnum() or not file.is_file():
            raise NotFound(what="file", id=id[:64])
        return msgspec.json.decode(file.read_bytes(), type=Claim)

    def offset(self, claim: Claim) -> int:
        """How many bytes of it are here."""
        if self._is_done(claim):
            return claim.bytes
        part = self._parts / claim.id
        return self.seal.size(part) if part.exists() else 0

    @contextlib.asynccontextmanager
    async def alone(self, claim: Claim) -> AsyncIterator[None]:
        """One at a time finishes an upload."""
        async with self._busy.setdefault(claim.id, asyncio.Lock()):
            yield

    def append(self, claim: Claim, offset: int, piece: bytes) -> int:
        """Add what came; where to go on. Raises OffsetWrong, TooLarge, WrongType (it is thrown away), NoRoom."""
        here = self.offset(claim)
        if offset != here:
            raise OffsetWrong(offset=here)
        if here + len(piece) > claim.bytes:
            raise TooLarge(mb=round(claim.bytes / 1e6, 1))
        if not piece:
            return offset  # nothing to write: it may be whole already
        part = self._parts / claim.id
        try:
            self.seal.append(part, piece)
        except OSError as why:
            raise NoRoom(free_mb=FREE_BYTES >> 20) from why
        if offset < HEAD_BYTES <= offset + len(piece) or offset + len(piece) == claim.bytes:
            self._check_head(claim, part)
        return offset + len(piece)

    def finish(self, claim: Claim) -> FileType:
        """All is here: check it and keep it. Blocks: it reads the whole file. Raises DigestWrong, WrongType."""
        if self._is_done(claim) and (whole := self.find_whole(claim.sha256)):
            return self._type_of(whole)
        part = self._parts / claim.id
        sha256 = self.seal.digest(part)
        if sha256 != claim.sha256:
            part.unlink()
            raise DigestWrong(announced=claim.sha256[:12], found=sha256[:12])
        self.seal.seal_now(part)
        with part.open("rb") as opened:
            os.fsync(opened.fileno())
        kind = self._type_of(part)
        (self._parts / f"{claim.id}.done").touch(mode=0o600)
        part.replace(self._folder / f"{claim.sha256}{kind.suffix}")
        return kind

    def find_whole(self, sha256: str) -> Path | None:
        """The file with this digest, whole and checked."""
        if not sha256.isalnum():
            return None
        return next((file for file in self._folder.glob(f"{sha256}.*") if file.is_file()), None)

    def _is_done(self, claim: Claim) -> bool:
        """Whether this vehicle itself has sent all of it: to know a digest is not to have the file."""
        return (self._parts / f"{claim.id}.done").exists() and self.find_whole(claim.sha256) is not None

    def forget(self, now_s: float) -> list[str]:
        """Drop pieces that nobody went on with for `FORGET_S`; their ids. The vehicle still has its file."""
        old = [file for file in self._parts.iterdir() if now_s - file.stat().st_mtime > FORGET_S]
        for file in old:
            file.unlink()
        return sorted({file.name.partition(".")[0] for file in old})

    def _note(self, claim: Claim) -> None:
        file = self._parts / f"{claim.id}.json"
        draft = file.with_suffix(".new")
        try:
            draft.write_bytes(msgspec.json.encode(claim))
            draft.replace(file)
        except OSError as why:
            raise NoRoom(free_mb=FREE_BYTES >> 20) from why

    def _check_head(self, claim: Claim, part: Path) -> None:
        try:
            check_size(claim.bytes, self._type_of(part).bytes_max)
        except RefusedInput:
            part.unlink()
            raise

    def _type_of(self, file: Path) -> FileType:
        with self.seal.open(file) as opened:
            return type_of(opened.read(HEAD_BYTES) or b"")
