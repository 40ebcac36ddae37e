"""Say how long recordings are kept, by dated rules from a file, and when each one goes.

A recording goes so many days after it was stopped, unless a person holds it. Deleting is the hub's (`aboard/`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec

from casebook.errors import RefusedInput
from casebook.picture import Picture
from casebook.recording_state import RecordingState

DEFAULT = Path(__file__).with_name("retention.json")
OWN = "retention.json"  # in a hub's folder: takes the place of the default


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """In force from `since` on, for every recording whenever it was made. `why` is for whoever reads the file."""

    since: date
    recordings_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)]
    why: str = ""


class _Rules(msgspec.Struct, forbid_unknown_fields=True):
    kept: Annotated[list[Rule], msgspec.Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Stored:
    """A recording whose files are still there. `goes_at` None: it runs, or somebody holds it."""

    recording: RecordingState
    goes_at: datetime | None
    days: int

    def is_over(self, now: datetime) -> bool:
        return self.goes_at is not None and self.goes_at <= now


def read_rules(folder: Path | None = None) -> list[Rule]:
    """The rules of a hub's folder, else the default ones; oldest first. Raises RefusedInput naming what is wrong."""
    own = folder / OWN if folder is not None else None
    file = own if own is not None and own.exists() else DEFAULT
    try:
        rules = msgspec.json.decode(file.read_bytes(), type=_Rules).kept
    except (msgspec.DecodeError, RecursionError, OSError) as wrong:
        raise RefusedInput("bad_json", where=file.name, why=str(wrong)) from wrong
    return sorted(rules, key=lambda rule: rule.since)


def rule_at(rules: Sequence[Rule], now: datetime) -> Rule:
    """The newest rule that is in force; before the first one, the first."""
    return next((rule for rule in reversed(rules) if rule.since <= now.date()), rules[0])


def stored(picture: Picture, rules: Sequence[Rule], now: datetime) -> list[Stored]:
    """Every recording that is not deleted, the oldest first, with when it goes by the rule in force at `now`."""
    days = rule_at(rules, now).recordings_days
    found = [one for state in picture.casualties.values() for one in state.recordings.values() if not one.deleted_at]
    return [Stored(one, _goes_at(one, days), days) for one in sorted(found, key=lambda one: one.at)]


def _goes_at(recording: RecordingState, days: int) -> datetime | None:
    if recording.held or recording.stopped_at is None:
        return None
    return recording.stopped_at + timedelta(days=days)
