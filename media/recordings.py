"""Keep a hub's recordings in a folder each, begin and end them, and find again what a dead hub left half written.

FOLDER/NAME/..., NAME as the fact that began it. The book's room on the disk comes first: with less than `FREE_BYTES`
left nothing is begun, and what runs is to be ended. Who may, and what is told of it, is the hub's.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from casebook.errors import CoordinationError, NotFound
from media.recording import Kept, Recording, kept_of
from media.recording_file import look_into
from media.sealed_file import PLAIN, DiskSeal, SealedElsewhere

FREE_BYTES = 512 << 20  # as for waves
TYPES = {".webm": "video/webm", ".mkv": "video/x-matroska", ".jsonl": "application/jsonl"}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_FILE = re.compile(r"\d{1,6}(\.[A-Za-z0-9_-]{1,40})?\.(webm|mkv|jsonl)")


class Recordings:
    """All recordings of one hub."""

    def __init__(
        self,
        folder: Path,
        now_s: Callable[[], float],
        *,
        seal: DiskSeal = PLAIN,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._folder, self._now_s, self._free_bytes = folder, now_s, free_bytes
        self.seal = seal
        self.running: dict[str, Recording] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def has_room(self) -> bool:
        return self._free_bytes(self._folder) >= FREE_BYTES

    def begin(
        self, name: str, *, began: Callable[[], Mapping[str, Any]], want_key_frame: Callable[[], None]
    ) -> Recording:
        """A recording that takes packets from now on; its first file is made with the first key frame."""
        recording = Recording(
            self._place(name), now_s=self._now_s, began=began, want_key_frame=want_key_frame, seal=self.seal
        )
        self.running[name] = recording
        return recording

    async def end(self, name: str) -> list[Kept]:
        """Finish a recording's files, in a thread; what was kept."""
        return await asyncio.to_thread(self.running.pop(name).close)

    def left_over(self, name: str, known: Collection[str]) -> list[Kept]:
        """The files of a recording that does not run and that nobody has told of (`known`): a hub died meanwhile.

        Blocks: it reads them. What cannot be read at all is told with no frames.
        """
        files = sorted(self._place(name).glob("*.*")) if name not in self.running else []
        return [_torn(file, self.seal) for file in files if _FILE.fullmatch(file.name) and file.name not in known]

    def find(self, name: str, file: str) -> Path:
        """A file of a recording. Raises NotFound."""
        path = self._place(name) / file
        if not _FILE.fullmatch(file) or not path.is_file():
            raise NotFound(what="recording", id=f"{name}/{file}"[:100])
        return path

    def is_here(self, name: str) -> bool:
        return self._place(name).is_dir()

    def delete(self, name: str) -> None:
        """Remove a recording's files; none is as good."""
        shutil.rmtree(self._place(name), ignore_errors=True)

    def _place(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise NotFound(what="recording", id=name[:80])
        return self._folder / name


def _torn(file: Path, seal: DiskSeal) -> Kept:
    """What cannot be opened at all is told as it lies on the disk."""
    counts: dict[str, Any] = {}
    if file.suffix != ".jsonl":
        with contextlib.suppress(CoordinationError):
            found = look_into(file, seal)
            counts = {"frames": found.frames, "lasted_ms": found.lasted_ms}
    try:
        return kept_of(file, seal, torn=True, **counts)
    except SealedElsewhere:
        return Kept(file.name, hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_size, torn=True)
