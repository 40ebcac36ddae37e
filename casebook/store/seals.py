"""Sign the head of the chain from time to time (Ed25519), and check a log against what was signed.

A chain alone cannot tell that its end is missing, or that somebody with the file wrote all of it anew; a checkpoint of
which a copy lies elsewhere can. A hub looks at the newest when it starts (`must_be_as_told`): with its hash the chain
proves everything before. When to sign is casebook/store/group_commit.py's.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec.structs import replace

from casebook.errors import RefusedInput
from casebook.log import GENESIS, ChainBroken, Checkpoint, Entry, Log, digest

KEY, TRUSTED, WITNESS = "seal.key", "seal.pub", "seal.log"  # in the hub's folder
TAIL_BYTES = 4096  # of the witness file: more than its last line has, some 330
PURPOSE = b"aboard checkpoint 1\n"  # stands before what is signed, so that a signature serves for nothing else


@dataclass(frozen=True, slots=True)
class Seal:
    """A key, and the file of lines in which every checkpoint that it signs is written down a second time."""

    key: Ed25519PrivateKey
    witness: Path

    @property
    def signer(self) -> str:
        return self.key.public_key().public_bytes_raw().hex()

    def sign(self, last: Entry) -> Checkpoint:
        """A checkpoint of the book that ends with this entry; `at` is when that was recorded."""
        bare = Checkpoint(last.seq, last.hash, last.recorded_at, self.signer, "")
        one = replace(bare, signature=self.key.sign(_statement(bare)).hex())
        _end_torn_line(self.witness)
        with self.witness.open("ab") as file:
            file.write(msgspec.json.encode(one) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        return one


def seal_of(folder: Path) -> Seal:
    """The hub's own seal: `seal.key` (0600, made where there is none); `seal.pub` names it among the trusted."""
    file = folder / KEY
    folder.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        raw = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:  # noqa: PTH123
            out.write(raw)
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), None)
    except (ValueError, TypeError) as wrong:
        raise RefusedInput("seal_unusable", file=str(file), why=str(wrong)) from wrong
    if not isinstance(key, Ed25519PrivateKey):
        raise RefusedInput("seal_unusable", file=str(file), why=type(key).__name__)
    seal = Seal(key, folder / WITNESS)
    trust(folder / TRUSTED, [seal.signer])
    return seal


def trust(file: Path, signers: Iterable[str]) -> None:
    """Add signers to a file of trusted ones, one public key in hex a line."""
    known = read_trusted(file) if file.exists() else []
    file.write_text("".join(f"{one}\n" for one in dict.fromkeys([*known, *signers])), encoding="utf-8")


def read_trusted(file: Path) -> list[str]:
    """Raises RefusedInput (`seal_unusable`) when a line is no public key."""
    signers = file.read_text(encoding="utf-8").split()
    for one in signers:
        if _public(one) is None:
            raise RefusedInput("seal_unusable", file=str(file), why=one[:80])
    return signers


def read_witness(file: Path) -> list[Checkpoint]:
    """The checkpoints of a witness file; a torn last line, of a machine that stopped there, is left out."""
    lines = file.read_bytes().split(b"\n")
    try:
        whole = [msgspec.json.decode(line, type=Checkpoint) for line in lines[:-1] if line.strip()]
    except msgspec.DecodeError as wrong:
        raise RefusedInput("seal_unusable", file=str(file), why=str(wrong)) from wrong
    return whole


def last_told(witness: Path) -> Checkpoint | None:
    """The newest whole line of a witness file; None where there is none. Raises RefusedInput (`seal_unusable`)."""
    lines = _tail(witness).split(b"\n")[:-1] if witness.exists() else []
    if not lines:
        return None
    try:
        return msgspec.json.decode(lines[-1], type=Checkpoint)
    except msgspec.DecodeError as wrong:
        raise RefusedInput("seal_unusable", file=str(witness), why=str(wrong)) from wrong


def must_be_as_told(log: Log, seal: Seal) -> Checkpoint | None:
    """Compare a log of which the chain was checked with what was written down beside it last; None: nothing yet.

    Reads one entry, however long the log is. Raises ChainBroken (cut_since_told, rewritten, unsigned), RefusedInput.
    """
    mark = last_told(seal.witness)
    if mark is None:
        return None
    _must_be_signed(mark, read_trusted(seal.witness.parent / TRUSTED))
    entry = next(iter(log.read(mark.seq - 1)), None)
    if entry is None:
        raise ChainBroken(seq=log.head()[0] + 1, why="cut_since_told", found=mark.seq)
    if entry.hash != mark.hash:
        raise ChainBroken(seq=1, why="rewritten", found=mark.seq)
    return mark


def _end_torn_line(file: Path) -> None:
    """Take away what a full disk or a power cut left of a line: it was told to nobody, and would spoil the next one."""
    if file.exists() and (tail := _tail(file)) and not tail.endswith(b"\n"):
        os.truncate(file, file.stat().st_size - len(tail.rpartition(b"\n")[2]))


def _tail(file: Path) -> bytes:
    with file.open("rb") as lines:
        lines.seek(max(0, file.stat().st_size - TAIL_BYTES))
        return lines.read()


def checked(
    entries: Iterable[Entry], checkpoints: Sequence[Checkpoint] = (), trusted: Collection[str] | None = None,
    *, count: int = 0, head: str = GENESIS,
) -> Iterator[Entry]:  # fmt: skip
    """The entries, handed on while chain and checkpoints fit; ChainBroken names the first entry that does not.

    `trusted`: whose signatures count; None where nobody said, then a checkpoint must only be signed by whom it names.
    `count`, `head`: go on after so many entries, the last with this hash; what was signed of them is not looked at.
    """
    marks: dict[int, list[Checkpoint]] = {}
    for one in checkpoints:
        if one.seq > count or not count:
            marks.setdefault(one.seq, []).append(one)
    sealed = count
    for entry in entries:
        if entry.seq != count + 1:
            raise ChainBroken(seq=count + 1, why="missing", found=entry.seq)
        if entry.prev != head or entry.hash != digest(entry):
            raise ChainBroken(seq=entry.seq, why="altered", found=entry.kind)
        count, head = entry.seq, entry.hash
        for mark in marks.pop(count, ()):
            _must_be_signed(mark, trusted)
            if mark.hash != head:
                raise ChainBroken(seq=sealed + 1, why="rewritten", found=count)
            sealed = count
        yield entry
    for mark in (one for seq in sorted(marks) for one in marks[seq]):
        _must_be_signed(mark, trusted)
        raise ChainBroken(seq=count + 1, why="cut", found=mark.seq)


def _must_be_signed(mark: Checkpoint, trusted: Collection[str] | None) -> None:
    key = _public(mark.signer)
    try:
        if key is None or (trusted is not None and mark.signer not in trusted):
            raise InvalidSignature
        key.verify(bytes.fromhex(mark.signature), _statement(mark))
    except (InvalidSignature, ValueError) as wrong:
        raise ChainBroken(seq=mark.seq, why="unsigned", found=mark.signer[:16]) from wrong


def _statement(mark: Checkpoint) -> bytes:
    return PURPOSE + msgspec.json.encode([mark.seq, mark.hash, mark.at, mark.signer])


def _public(signer: str) -> Ed25519PublicKey | None:
    try:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer))
    except ValueError:
        return None
