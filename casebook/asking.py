"""Asks: what a person or device may ask of a desk. A room lists its asks; the door turns each into one POST.

A command is a frozen `msgspec.Struct` that refuses unknown fields; its handler awaits, decides and records.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from casebook.access import Badge, Role
from casebook.errors import RefusedInput
from casebook.log import By


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every command: unknown fields are refused, nothing is guessed."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks and when. `at` is None for "now"; in a drill the script states its own instant.

    `key` is the asker's idempotency key: the same key asked twice is done once.
    """

    badge: Badge
    at: datetime | None = None
    key: str = ""
    origin: str = "button"

    @property
    def by(self) -> By:
        return By(str(self.badge.role), self.badge.who, self.origin)


Handler = Callable[[Any, Asker], Awaitable[dict[str, Any] | None]]


@dataclass(frozen=True, slots=True)
class Ask:
    """`name` is the path under /api/v1/ask/; `roles` may ask it (a director may ask everything)."""

    name: str
    command: type[Command]
    roles: tuple[Role, ...]
    handle: Handler


def read_command(raw: bytes, kind: type[Command], where: str) -> Command:
    """Decode and check a command. Raises RefusedInput naming the field; never guesses, never lets NaN in.

    A name that is given twice is refused, too: two readers might take two different ones for what was asked.
    """
    try:
        command = msgspec.json.decode(raw, type=kind)
        twice = find_twice(raw)
    except msgspec.ValidationError as wrong:
        text, _, path = str(wrong).partition(" - at `")
        raise RefusedInput(
            "bad_field", where=where, field=path.rstrip("`").removeprefix("$.") or "$", why=text
        ) from wrong
    except (msgspec.DecodeError, RecursionError, ValueError) as wrong:
        raise RefusedInput("bad_json", where=where, why=str(wrong)) from wrong
    if twice is not None:
        raise RefusedInput("bad_field", where=where, field=twice, why="given twice")
    return command


def find_twice(raw: bytes) -> str | None:
    """The first name that an object of this JSON has twice; None in nearly all. Raises ValueError, RecursionError."""
    found: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        names: set[str] = set()
        for name, _ in pairs:
            if name in names:
                found.append(name)
            names.add(name)

    json.loads(raw, object_pairs_hook=look)
    return found[0] if found else None
