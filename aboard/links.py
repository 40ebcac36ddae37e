"""Who gets which link: a token per screen and vehicle, made once, kept in a file only its owner may read."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from casebook.access import Badge, Gate, Role

DIRECTOR, DISPATCHER, ENGINEER = "director", "dispatcher", "engineer"


class Links:
    """Tokens by who they are for: director, dispatcher, engineer, hospital:<id>, unit:<id>. Issues what is missing."""

    def __init__(self, file: Path, gate: Gate) -> None:
        self._file, self._gate = file, gate
        self.tokens: dict[str, str] = msgspec.json.decode(file.read_bytes()) if file.exists() else {}

    def issue(self, hospitals: Iterable[str], units: Iterable[str]) -> dict[str, str]:
        """All tokens, old and new, with their badges at the gate."""
        wanted = {DIRECTOR: Badge(Role.DIRECTOR, DIRECTOR), DISPATCHER: Badge(Role.DISPATCHER, DISPATCHER)}
        wanted[ENGINEER] = Badge(Role.ENGINEER, ENGINEER)
        wanted |= {f"hospital:{id}": Badge(Role.ED, id, hospital=id) for id in hospitals}
        wanted |= {f"unit:{id}": Badge(Role.PARAMEDIC, id, unit=id) for id in units}
        missing = {who: badge for who, badge in wanted.items() if who not in self.tokens}
        if missing:
            self.tokens |= self._gate.issue_all(missing)
            write_private(self._file, msgspec.json.format(msgspec.json.encode(self.tokens), indent=1))
        return self.tokens


def write_private(file: Path, content: bytes) -> None:
    """Write whole or not at all, readable by the owner only."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(content)
    draft.replace(file)
