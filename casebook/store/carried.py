"""The picture carried forward: all that is so after one entry, as a file, so that a start need not fold what led to it.

A cache, never the truth. It is bound to the entry it stands on by number and hash, to the program by the sources that
fold and shape a picture, and to its hub by the signature of the key that signs the log; where one of them differs it is
not taken, and the whole log is read. When it is written and where it lies is aboard/carrying.py's.

A line of JSON (`Head`), then parts: a line `NAME BYTES`, and so many bytes of deflated JSON, a list of what belongs
there. JSON, because what a fact carries must come back as it comes from the log.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
from cryptography.exceptions import InvalidSignature
from msgspec.structs import replace

from casebook.ledger_now import KeptPile
from casebook.log import GENESIS, Entry, Log, digest
from casebook.picture import Picture, changed
from casebook.store.seals import Seal

FORMAT = 1
PURPOSE = b"aboard picture carried forward 1\n"  # stands before what is signed, as in casebook/store/seals.py
PART_BYTES = 256 << 10  # of JSON in one part
QUICK = 1  # zlib's level: a third of the time of the next that is plainly smaller

# What decides how facts become a picture, and what shape it has; another word in one of these is another program.
SOURCES = (
    "capacity/__init__.py", "capacity/figures.py", "casualty.py", "drafting.py", "events", "folding", "ledger.py",
    "ledger_now.py", "log.py", "picture.py", "place.py", "recording_state.py", "steps.py", "store/carried.py",
    "vital_limits.json", "vitals.py",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Carried:
    """`hash`: of the last entry in the picture. `piles`: what the ledger that runs along had heard."""

    picture: Picture
    hash: str
    piles: Sequence[KeptPile] = ()


BLANK = Carried(Picture(), GENESIS)


class Head(msgspec.Struct, frozen=True):
    """`signer` says: a program of these sources (`fold`) folded `seq` entries, the last with `hash`, recorded `at`, to
    the `bytes` after this line, whose SHA-256 is `sha256`."""

    format: int
    fold: str
    seq: int
    hash: str
    at: datetime
    bytes: int
    sha256: str
    signer: str
    signature: str = ""


class NotTaken(Exception):
    """`why`: unreadable, cut, altered, signer (another key), program (another fold), entry (not in this log)."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


# --- writing


def pack(
    picture: Picture, last: Entry, piles: Sequence[Callable[[], KeptPile]], seal: Seal,
    rest: Callable[[], None] = lambda: None,
) -> bytes:  # fmt: skip
    """The file of a picture whose last entry is `last`. `rest` is called after each thing: others have a turn."""
    assert picture.seq == last.seq
    body = bytearray()
    for part in _parts(_things(picture, piles), rest):
        body += part
    head = Head(
        FORMAT, fold_version(), last.seq, last.hash, last.recorded_at, len(body), hashlib.sha256(body).hexdigest(),
        seal.signer,
    )  # fmt: skip
    signed = replace(head, signature=seal.key.sign(_statement(head)).hex())
    return msgspec.json.encode(signed) + b"\n" + body


def _things(picture: Picture, piles: Sequence[Callable[[], KeptPile]]) -> Iterator[tuple[str, Any]]:
    """Everything that is so with the part where it belongs, one at a time: encoding holds Python's one lock."""
    series = _series()
    yield "rest", changed(picture, **{name: type(getattr(picture, name))() for name in series})
    for name in series:
        several = getattr(picture, name)
        for one in several.items() if isinstance(several, dict) else several:
            yield name, one
    for pile in piles:
        yield "ledger", pile()


def _parts(things: Iterator[tuple[str, Any]], rest: Callable[[], None]) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    part, size, of = list[bytes](), 0, ""
    for name, thing in things:
        if part and (name != of or size >= PART_BYTES):
            yield from _part(of, part)
            part, size = [], 0
        of = name
        part.append(encode(thing))
        size += len(part[-1])
        rest()
    yield from _part(of, part)


def _part(name: str, things: Sequence[bytes]) -> tuple[bytes, bytes]:
    deflated = zlib.compress(b"[" + b",".join(things) + b"]", QUICK)
    return f"{name} {len(deflated)}\n".encode(), deflated


# --- reading


def unpack(raw: bytes, log: Log, seal: Seal) -> Carried:
    """What such a file holds, once it is proven to be this hub's, this program's and this log's. Raises NotTaken."""
    line, _, body = raw.partition(b"\n")
    try:
        head = msgspec.json.decode(line, type=Head)
    except msgspec.MsgspecError as wrong:
        raise NotTaken("unreadable") from wrong
    _must_be_ours(head, seal)
    if (head.format, head.fold) != (FORMAT, fold_version()):
        raise NotTaken("program")
    if len(body) != head.bytes:
        raise NotTaken("cut")
    if hashlib.sha256(body).hexdigest() != head.sha256:
        raise NotTaken("altered")
    entry = next(iter(log.read(head.seq - 1)), None)
    if entry is None or entry.seq != head.seq or entry.hash != head.hash or digest(entry) != head.hash:
        raise NotTaken("entry")
    return _unpacked(head, body)


def _must_be_ours(head: Head, seal: Seal) -> None:
    try:
        if head.signer != seal.signer:
            raise InvalidSignature
        seal.key.public_key().verify(bytes.fromhex(head.signature), _statement(head))
    except (InvalidSignature, ValueError) as wrong:
        raise NotTaken("signer") from wrong


def _unpacked(head: Head, body: bytes) -> Carried:
    decoders = _decoders()
    found: dict[str, list[Any]] = {name: [] for name in decoders}
    try:
        at = 0
        while at < len(body):
            end = body.index(b"\n", at)
            name, size = body[at:end].decode().split(" ")
            at = end + 1 + int(size)
            found[name] += decoders[name].decode(zlib.decompress(body[end + 1 : at]))
        (rest,) = found.pop("rest")
    except (msgspec.MsgspecError, zlib.error, ValueError, KeyError) as wrong:
        raise NotTaken("unreadable") from wrong
    piles = found.pop("ledger")
    several = {name: type(getattr(rest, name))(things) for name, things in found.items()}
    return Carried(changed(rest, **several), head.hash, piles)


# --- what it is made of


@cache
def _series() -> dict[str, Any]:
    """The fields of a picture that hold many things, with the type of one: (name, state) of a mapping."""
    hints = get_type_hints(Picture)
    empty = Picture()
    return {
        one.name: tuple[*get_args(hints[one.name])] if isinstance(several, dict) else get_args(hints[one.name])[0]
        for one in fields(Picture)
        if isinstance(several := getattr(empty, one.name), dict | tuple)
    }


@cache
def _decoders() -> dict[str, msgspec.json.Decoder[Any]]:
    types = {"rest": Picture, "ledger": KeptPile, **_series()}
    return {name: msgspec.json.Decoder(list[type]) for name, type in types.items()}


@cache
def fold_version() -> str:
    """SHA-256 over the sources that fold and shape a picture, and the version of what reads it back."""
    room = Path(__file__).parent.parent
    told = hashlib.sha256(msgspec.__version__.encode())
    for name in SOURCES:
        place = room / name
        for file in sorted(place.glob("*.py")) if place.is_dir() else [place]:
            told.update(f"\n{file.relative_to(room).as_posix()}\n".encode() + file.read_bytes())
    return told.hexdigest()


def _statement(head: Head) -> bytes:
    return PURPOSE + msgspec.json.encode(replace(head, signature=""))
