"""Lift an entry that an older program wrote to the version of its event that is known now.

A log is never rewritten: what was hashed stays as it is, and is lifted whenever it is read to be folded. One step leads
from a version to the next; check the chain before, for a lifted entry no longer fits its hash.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from casebook.errors import RefusedInput
from casebook.events.fact import FACTS
from casebook.log import Entry

Body = dict[str, Any]
Lift = Callable[[Body], tuple[str, Body]]  # the name that the event has in the next version, and its body there
LIFTS: dict[tuple[str, int], Lift] = {}  # (name, version written) -> step; empty while all events are at version 1


def lifts(name: str, version: int) -> Callable[[Lift], Lift]:
    """Register the step from this version of an event to the next."""

    def register(step: Lift) -> Lift:
        assert (name, version) not in LIFTS, (name, version)
        LIFTS[(name, version)] = step
        return step

    return register


def current(entry: Entry) -> Entry:
    """The entry in today's words; the same one where it is in them already.

    Raises RefusedInput: `unknown_event`, `event_too_new` (of a newer program), `event_too_old` (no step lifts it).
    """
    name, version, body = entry.kind, entry.version, entry.body
    while (known := FACTS.get(name)) is None or version != known.version:
        step = LIFTS.get((name, version))
        if step is None:
            _cannot(entry, name, version)
        else:
            (name, body), version = step(body), version + 1
    return entry if version == entry.version else replace(entry, kind=name, version=version, body=body)


def _cannot(entry: Entry, name: str, version: int) -> None:
    known = FACTS.get(name)
    if known is None:
        raise RefusedInput("unknown_event", kind=name)
    key = "event_too_new" if version > known.version else "event_too_old"
    raise RefusedInput(key, seq=entry.seq, kind=name, version=version, known=known.version)
