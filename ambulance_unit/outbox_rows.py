"""One row of the outbox: as it is handed in, as it stands in the file (checked and, with a key, sealed), as it travels.

The file itself is `outbox`'s.
"""

from __future__ import annotations

import base64
import binascii
import os
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from casebook.errors import RefusedInput
from casebook.link import OutboxRow

ROW_BYTES_MAX = 64 * 1024  # of one body; the largest real one is a triage with its answers, below 2 kB
CORRUPT = "outbox_row_corrupt"  # no fact has this name: the hub keeps such a row whole, as refused
NONCE_BYTES = 12  # NIST SP 800-38D 5.2.1.1: 96 bits; random ones are good for 2**32 rows of one key (8.3)


@dataclass(frozen=True, slots=True)
class Record:
    """A fact on its way into the outbox. `asked`: the idempotency key of whoever asked for it.

    `sample`: one of a stream (vitals, positions), of which the newest matters most and which may arrive behind newer
    ones. `spare`: may wait a moment for its flush, and is refused first when the disk is nearly full.
    """

    at: datetime
    kind: str
    body: dict[str, Any]
    who: str = ""
    origin: str = "device"
    asked: str = ""
    sample: bool = False
    spare: bool = False


class Texts(NamedTuple):
    """A row as it stands in the file."""

    seq: int
    at: str
    kind: str
    body: str
    who: str
    origin: str
    checksum: int


class Seal:
    """AES-GCM with a key of 16, 24 or 32 bytes. `place` is bound to the text: a row cannot stand in for another."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def close(self, place: str, text: str) -> str:
        nonce = os.urandom(NONCE_BYTES)
        return base64.b64encode(nonce + self._aead.encrypt(nonce, text.encode(), place.encode())).decode()

    def open(self, place: str, sealed: str) -> str:
        """Raises ValueError: another key, another place, or altered."""
        try:
            raw = base64.b64decode(sealed, validate=True)
            return self._aead.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.encode()).decode()
        except (InvalidTag, binascii.Error, UnicodeDecodeError) as wrong:
            raise ValueError("the seal does not fit") from wrong


def written(record: Record, epoch: str, seq: int, seal: Seal | None) -> Texts:
    """The record as a row. With a seal, what it says and who said it cannot be read from the file."""
    body, who = encoded_body(record), record.who
    if seal is not None:
        body, who = _sealed(seal, epoch, seq, body, who), ""
    return _summed(seq, _text(record.at), record.kind, body, who, record.origin)


def read(row: Texts, epoch: str, seal: Seal | None) -> OutboxRow | None:
    """The row as it travels; None when its checksum or its seal does not fit."""
    if not is_whole(row):
        return None
    try:
        body, who = _opened(seal, epoch, row) if seal is not None else (row.body, row.who)
    except ValueError:
        return None
    return OutboxRow(row.seq, datetime.fromisoformat(row.at), row.kind, msgspec.json.decode(body), who, row.origin)


def as_found(row: Texts) -> OutboxRow:
    """A damaged row, to be kept by the hub as it was found."""
    found = {"at": row.at, "kind": row.kind, "body": row.body, "who": row.who, "origin": row.origin}
    return OutboxRow(
        row.seq, _instant_or_epoch(row.at), CORRUPT, found | {"checksum": row.checksum}, origin="outbox"
    )  # fmt: skip


def moved(row: Texts, old_epoch: str, epoch: str, seq: int, seal: Seal | None) -> Texts:
    """The row under a new number; a damaged one stays damaged."""
    if not is_whole(row):
        return row._replace(seq=seq)
    body = row.body
    if seal is not None:
        try:
            body = _sealed(seal, epoch, seq, *_opened(seal, old_epoch, row))
        except ValueError:
            return row._replace(seq=seq)
    return _summed(seq, row.at, row.kind, body, row.who, row.origin)


def sealed_now(row: Texts, epoch: str, seal: Seal) -> Texts:
    """A row that was written without a key, sealed; a damaged one stays as it was found."""
    if not is_whole(row):
        return row
    return _summed(row.seq, row.at, row.kind, _sealed(seal, epoch, row.seq, row.body, row.who), "", row.origin)


def is_whole(row: Texts) -> bool:
    return checksum(*row[:6]) == row.checksum


def encoded_body(record: Record) -> str:
    """The body as JSON text. Raises RefusedInput (`row_too_big`)."""
    body = msgspec.json.encode(record.body)
    if len(body) > ROW_BYTES_MAX:
        raise RefusedInput("row_too_big", kind=record.kind, bytes=len(body), limit=ROW_BYTES_MAX)
    return body.decode()


def checksum(seq: int, at: str, kind: str, body: str, who: str, origin: str) -> int:
    """CRC-32 over the row as it stands in the file: finds bit rot and torn pages, not an adversary."""
    return zlib.crc32(msgspec.json.encode([seq, at, kind, body, who, origin]))


def _summed(seq: int, at: str, kind: str, body: str, who: str, origin: str) -> Texts:
    return Texts(seq, at, kind, body, who, origin, checksum(seq, at, kind, body, who, origin))


def _sealed(seal: Seal, epoch: str, seq: int, body: str, who: str) -> str:
    return seal.close(f"{epoch}:{seq}", msgspec.json.encode([body, who]).decode())


def _opened(seal: Seal, epoch: str, row: Texts) -> tuple[str, str]:
    body, who = msgspec.json.decode(seal.open(f"{epoch}:{row.seq}", row.body))
    return body, who


def _text(at: datetime) -> str:
    assert at.tzinfo is not None
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _instant_or_epoch(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)  # the text as found travels in the body
    return at if at.tzinfo else at.replace(tzinfo=UTC)
