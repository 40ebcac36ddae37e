"""An entry as the row that both SQL stores keep, and back: fifteen columns, instants and bodies as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from casebook.log import By, Checkpoint, Claim, Draft, Entry, Ground, Source

COLUMNS = "seq, kind, version, body, at, recorded_at, role, who, origin, unit, epoch, unit_seq, asked, prev, hash"
WIDTH = len(COLUMNS.split(","))
CHECKPOINT = "seq, hash, at, signer, signature"
_NEVER, _EVER = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_encode = msgspec.json.Encoder().encode


def write_instant(at: datetime) -> str:
    """ISO 8601 with its own offset, to the microsecond.

    Of UTC msgspec writes it in a fraction of the time, with Z for the offset, and without a fraction that is nought.
    """
    if at.tzinfo is UTC and at.microsecond:
        return f"{_encode(at)[1:-2].decode()}+00:00"
    return at.isoformat(timespec="microseconds")


def rows_of(entries: Iterable[Entry]) -> list[tuple[Any, ...]]:
    """A row for each. Entries that came together were recorded at one instant, which is written out once."""
    rows: list[tuple[Any, ...]] = []
    recorded_at: datetime | None = None
    text = ""
    for entry in entries:
        if entry.recorded_at is not recorded_at:
            recorded_at, text = entry.recorded_at, write_instant(entry.recorded_at)
        by, source = entry.by, entry.source
        origin = (source.unit, source.epoch, source.seq) if source else (None, None, None)
        rows.append(
            (
                entry.seq, entry.kind, entry.version, _encode(entry.body).decode(), write_instant(entry.at), text,
                by.role, by.who, by.origin, *origin, entry.asked, entry.prev, entry.hash,
            )
        )  # fmt: skip
    return rows


def columns_of(entries: Sequence[Entry]) -> list[list[Any]]:
    """The same, a list for each column."""
    return list(map(list, zip(*rows_of(entries), strict=True)))


def entry_of(row: Sequence[Any]) -> Entry:
    """The entry of a row. What somebody changed by hand is read all the same: the check of the chain will name it."""
    try:
        body = msgspec.json.decode(row[3])
        at, recorded_at = datetime.fromisoformat(row[4]), datetime.fromisoformat(row[5])
    except (TypeError, ValueError, RecursionError):
        body, at, recorded_at = {"unreadable": row[3]}, _NEVER, _NEVER
    source = Source(row[9], row[10], row[11]) if row[9] is not None else None
    by = By(row[6], row[7], row[8])
    return Entry(row[0], row[1], row[2], body, at, recorded_at, by, source, row[12], row[13], row[14])


def claim_row(claim: Claim) -> tuple[str, str, str]:
    """Only of a claim that holds: `until` is set. In UTC."""
    assert claim.until is not None
    return claim.key, claim.holder, write_instant(claim.until.astimezone(UTC))


def claim_of(row: Sequence[Any]) -> Claim:
    """A claim that a disk has damaged holds for ever, whoever's it was: what is not known is never free."""
    try:
        until = datetime.fromisoformat(row[2])
    except (TypeError, ValueError):
        until = _EVER
    return Claim(row[0], row[1] if isinstance(row[1], str) else "?", until)


def checkpoint_row(one: Checkpoint) -> tuple[int, str, str, str, str]:
    return one.seq, one.hash, write_instant(one.at), one.signer, one.signature


def checkpoint_of(row: Sequence[Any]) -> Checkpoint:
    """What a disk has damaged is read all the same: no signature fits it."""
    try:
        at = datetime.fromisoformat(row[2])
    except (TypeError, ValueError):
        at = _NEVER
    hash, signer, signature = (one if isinstance(one, str) else "" for one in (row[1], row[3], row[4]))
    return Checkpoint(row[0], hash, at, signer, signature)


def keys_wanted(batches: Iterable[Sequence[Draft]]) -> list[str]:
    """The keys of the scarce things that these batches claim or give back."""
    return sorted({claim.key for drafts in batches for draft in drafts for claim in draft.claims})


def rows_brought(batches: Iterable[Sequence[Draft]]) -> list[Source]:
    """The outbox rows that these batches carry."""
    return [draft.source for drafts in batches for draft in drafts if draft.source is not None]


def claims_changed(before: dict[str, Claim], ground: Ground) -> tuple[list[str], list[Claim]]:
    """(keys that nobody holds any more, claims that are new or other) after the batches were laid."""
    gone = sorted(before.keys() - ground.claims.keys())
    return gone, [claim for key, claim in ground.claims.items() if before.get(key) != claim]
