"""Bring a book, whole or as it was at a point in time, into an empty store, and prove that both fold to the same.

Claims are not in an export: they follow from the facts, as they did when those were written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from casebook import events as e
from casebook.book import claims_of, occasion_of
from casebook.events.upcasting import current
from casebook.log import Checkpoint, Claim, Entry, Log, take
from casebook.picture import Picture, fold
from casebook.store.seals import checked


@dataclass(frozen=True, slots=True)
class Restored:
    """`fold`: SHA-256 of the picture, the same in the source and in the store."""

    count: int
    head: str
    fold: str


class FoldDiffers(AssertionError):
    """What was read back is not what was written: a fault of this program or of the disk."""


def fold_all(entries: Iterable[Entry]) -> Picture:
    """The picture after these entries, of whatever version they are. Raises what `current` and `fold` raise."""
    picture = Picture()
    for entry in map(current, entries):
        picture = fold(picture, e.decode(entry.kind, entry.body), occasion_of(entry))
    return picture


def hash_of(picture: Picture) -> str:
    """SHA-256 over the canonical JSON of everything that is so."""
    return hashlib.sha256(msgspec.json.encode(msgspec.to_builtins(picture, order="sorted"), order="sorted")).hexdigest()


def claims_after(entries: Iterable[Entry]) -> list[Claim]:
    """Who holds what after these entries; leases that have run out among them, as in a store."""
    claims: dict[str, Claim] = {}
    for entry in map(current, entries):
        for claim in claims_of(e.decode(entry.kind, entry.body), entry.recorded_at):
            take(claims, claim, entry.recorded_at)
    return list(claims.values())


def restore(entries: Sequence[Entry], checkpoints: Sequence[Checkpoint], store: Log) -> Restored:
    """Write a book that was checked into an empty store and read it back.

    Raises RefusedInput (`log_not_empty`), ChainBroken when the source does not hold together, FoldDiffers.
    """
    wanted = hash_of(fold_all(checked(entries, checkpoints)))
    store.adopt(entries, claims_after(entries), checkpoints)
    written = hash_of(fold_all(checked(store.read(), store.checkpoints())))
    if written != wanted:
        raise FoldDiffers(f"{written} is not {wanted}")
    return Restored(*store.head(), written)
