"""What a fact is: past tense, frozen, small, versioned; how it gets in and out of the log.

Each class stands under a name in the log (`incident_opened`) with a version; `encode` and `decode` are the only way
in and out. The times of reference vocabularies (NEMSIS eTimes, 中国院前急救) are in docs/DICTIONARY.md.
Optional facts are None when not known. Text that a person typed is kept as typed; text of ours is a word key.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import msgspec

from casebook.errors import RefusedInput


@dataclass(frozen=True, slots=True)
class Event:
    """A fact. Subclasses are registered by `@fact(name)`."""

    name: ClassVar[str] = ""
    version: ClassVar[int] = 1


FACTS: dict[str, type[Event]] = {}
SomeEvent = TypeVar("SomeEvent", bound=type[Event])


def fact(name: str, version: int = 1):
    """Register an event class under its name in the log."""

    def register(cls: SomeEvent) -> SomeEvent:
        assert name not in FACTS, name
        cls.name, cls.version = name, version
        FACTS[name] = cls
        return cls

    return register


def encode(event: Event) -> dict[str, Any]:
    """The event as plain JSON values, facts that are not known (None) left out.

    Raises RefusedInput for NaN and infinity: JSON has no such numbers, and would silently make them unknown.
    """
    body = {name: value for name, value in msgspec.to_builtins(event).items() if value is not None}
    if _may_hold_infinity(event):
        for name, value in body.items():
            if not _is_finite(value):
                raise RefusedInput("bad_field", where=event.name, field=name, why="not a finite number")
    return body


def _may_hold_infinity(event: Event) -> bool:
    """False for nearly all: twenty times quicker than to look at every value of a large body.

    In MessagePack a number of 64 bits is CB and eight bytes, of which the first two are 7F F. or FF F. where it is
    infinity or no number. 7F and FF are rare, so they are looked for; text may hold the same bytes.
    """
    try:
        packed = msgspec.msgpack.encode(event)
    except (OverflowError, ValueError):
        return True  # a whole number beyond MessagePack
    for first in (b"\x7f", b"\xff"):
        at = packed.find(first)
        while at >= 0:
            if packed[at - 1] == 0xCB and packed[at + 1 : at + 2] >= b"\xf0":
                return True
            at = packed.find(first, at + 1)
    return False


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(map(_is_finite, value.values()))
    return not isinstance(value, (list, tuple)) or all(map(_is_finite, value))


def decode(name: str, body: dict[str, Any]) -> Event:
    """The event back from its JSON values. Raises RefusedInput naming the field that does not fit."""
    kind = FACTS.get(name)
    if kind is None:
        raise RefusedInput("unknown_event", kind=name)
    unknown = set(body) - set(kind.__dataclass_fields__)
    if unknown:
        raise RefusedInput("bad_field", where=name, field=", ".join(sorted(unknown)), why="no such field")
    try:
        return msgspec.convert(body, kind, strict=False)
    except (msgspec.ValidationError, RecursionError) as wrong:
        raise RefusedInput("bad_field", where=name, field=_path(wrong), why=str(wrong)) from wrong


def _path(wrong: Exception) -> str:
    _, _, path = str(wrong).partition(" - at `")
    return path.rstrip("`").removeprefix("$.") or "$"


class Reason(msgspec.Struct, frozen=True, gc=False):
    """Why: a word key (`reason.<code>`) with facts. `code`: capability, capacity, capacity_unknown, closed, closure,
    time, no_route, no_landing_site, weather, policy, wish ..."""

    code: str
    facts: dict[str, Any] = {}
