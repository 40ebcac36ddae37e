"""Keep stills of the live picture as files beside the book, named by their content; a fact of the case names the file.

A still is checked to be a JPEG of bearable size and never opened. Which case it belongs to is `consult_marks`'s.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated

import msgspec

from casebook.access import Badge, Role, need
from casebook.asking import Command
from casebook.errors import NotAllowed, NotFound, RefusedInput
from casebook.picture import Picture
from hospital_board.cases import is_own
from hospital_board.consult_marks import Frame, WallMs
from media.sealed_file import PLAIN, DiskSeal

BYTES_MAX = 190_000  # an ask holds 256 kB, and base64 makes four characters of three bytes
JPEG_BEGINS, JPEG_ENDS = b"\xff\xd8\xff", b"\xff\xd9"


class KeepStill(Command, frozen=True, kw_only=True):
    """A still of the picture as this screen shows it, marks and all, as base64 of a JPEG."""

    hospital: str
    casualty: str
    frame: Frame
    frame_wall_ms: WallMs
    image: Annotated[bytes, msgspec.Meta(min_length=1)]


class Stills:
    """The stills of one hub. `folder` None keeps them in memory, as rehearsals do; `seal` closes them on the disk."""

    def __init__(self, folder: Path | None = None, seal: DiskSeal = PLAIN) -> None:
        self._folder, self._seal = folder, seal
        self._kept: dict[str, bytes] = {}

    def keep(self, image: bytes) -> str:
        """Store a still durably; gives its SHA-256. Raises RefusedInput (`bad_still`): no JPEG, or too large."""
        if len(image) > BYTES_MAX or not (image.startswith(JPEG_BEGINS) and image.endswith(JPEG_ENDS)):
            raise RefusedInput("bad_still", bytes=len(image), limit=BYTES_MAX)
        sha256 = hashlib.sha256(image).hexdigest()
        if self._folder is None:
            self._kept[sha256] = image
        elif not (file := self._folder / f"{sha256}.jpg").exists():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_whole(file, self._seal.sealed(image))
        return sha256

    def get(self, sha256: str) -> bytes:
        """Raises NotFound, SealedElsewhere."""
        if self._folder is None and sha256 in self._kept:
            return self._kept[sha256]
        file = self._folder / f"{sha256}.jpg" if self._folder else None
        if file is None or not sha256.isalnum() or not file.is_file():
            raise NotFound(what="still", id=sha256[:64])
        return self._seal.read(file)


def need_still(picture: Picture, badge: Badge, sha256: str) -> None:
    """The ward of a case that the still belongs to, dispatch and director may see it. Raises NotAllowed, NotFound."""
    owners = [
        state
        for state in picture.casualties.values()
        if state.guidance and any(still.taken.sha256 == sha256 for still in state.guidance.snapshots.values())
    ]
    if badge.role is not Role.ED:
        need(badge, Role.DISPATCHER, what="still")
    elif not any(is_own(state, badge.hospital) for state in owners):
        raise NotAllowed("not_allowed", what="still", needs=f"{Role.ED} of the receiving hospital")
    if not owners:
        raise NotFound(what="still", id=sha256[:64])


def _write_whole(file: Path, content: bytes) -> None:
    """On the disk before anybody is told of it, whole or not at all."""
    draft = file.with_suffix(".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)
