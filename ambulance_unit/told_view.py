"""Keep the view that the hub told last: follow its snapshots and deltas, and hold a copy on the disk for a restart.

The copy is written whole under another name and then renamed, so that a power cut leaves the old one or the new one.
What stands in the view is `told`'s; the link brings the messages.
"""

from __future__ import annotations

import logging
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from casebook.live import patched

log = logging.getLogger(__name__)
View = dict[str, Any]


class Gap(Exception):
    """A delta does not follow what we have: only a new snapshot helps."""


class _Copy(msgspec.Struct):
    view: View
    at: datetime


class ToldView:
    """`view` and the hub's clock `at` which it was told. `unreadable`: why the copy on the disk could not be used."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._version: int | None = None
        self._unsaved = False
        self.view: View = {}
        self.at: datetime | None = None
        self.unreadable = ""
        if file is not None and file.exists():
            self._load(file)

    def apply(self, message: dict[str, Any]) -> bool:
        """Take a snapshot, delta or beat; True when the view changed. Raises Gap."""
        kind, version = message["t"], message["v"]
        if kind == "snapshot":
            view = message["view"]
        elif self._version is None or version != self._version + (kind == "delta"):
            raise Gap
        else:
            view = patched(self.view, message["patch"]) if message.get("patch") else self.view
        changed = view != self.view
        self.view, self._version, self.at = view, version, datetime.fromisoformat(message["now"])
        self._unsaved |= changed
        return changed

    def forget_version(self) -> None:
        """A new connection begins with a snapshot; until then the view is the last one told."""
        self._version = None

    def save(self) -> None:
        """Bring the copy up to date, if there is anything new. Blocks on the disk; raises OSError."""
        if self._file is None or not self._unsaved or self.at is None:
            return
        self._unsaved = False
        text = msgspec.json.encode(_Copy(self.view, self.at))
        draft = self._file.with_suffix(".new")
        with draft.open("wb") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(self._file)

    def _load(self, file: Path) -> None:
        try:
            copy = msgspec.json.decode(file.read_bytes(), type=_Copy)
        except (msgspec.DecodeError, RecursionError, OSError) as wrong:
            log.warning("last view unreadable: %s", wrong)
            self.unreadable = str(wrong)
            return
        self.view, self.at = copy.view, copy.at
