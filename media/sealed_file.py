"""Files that nobody reads from the disk without the key: sealed piece by piece, so that one can begin to read anywhere.

A sealed file is `MAGIC`, a salt of 16 bytes, then pieces of `PIECE_BYTES` (the last one may be shorter), each as nonce,
AES-256-GCM ciphertext and tag. The key of a file is made from the disk's and its salt (HKDF, RFC 5869), and each piece
is bound to its place: none can be moved, within a file or into another. Without a key files are as they are; files from
before there was one are read as they are. That nothing was cut off at the end is for the digest in the record to say.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from casebook.errors import CoordinationError

MAGIC = b"ABOARD\x00\x01"  # no picture, film, paper or line of JSON begins so
SALT_BYTES, NONCE_BYTES, TAG_BYTES = 16, 12, 16
HEAD_BYTES = len(MAGIC) + SALT_BYTES
PIECE_BYTES = 16 << 10
SEALED_BYTES = NONCE_BYTES + PIECE_BYTES + TAG_BYTES
_PURPOSE = b"aboard sealed file 1"


class SealedElsewhere(CoordinationError):
    """A file was sealed with a key that is not ours, or altered since."""

    key = "sealed_elsewhere"
    http_status = 503


class DiskSeal:
    """How one hub keeps files: with `key` (32 bytes) sealed, without as they are."""

    def __init__(self, key: bytes = b"") -> None:
        self._key = key

    def create(self, file: Path) -> io.RawIOBase:
        """A new file to write and to seek in; what was written is with the disk at once, also the last, short piece."""
        if not self._key:
            return file.open("wb", buffering=0)
        raw, salt = file.open("w+b", buffering=0), os.urandom(SALT_BYTES)
        raw.write(MAGIC + salt)
        return SealedFile(raw, self._pieces(file, salt))

    def open(self, file: Path) -> io.RawIOBase:
        """A file to read and to seek in. Raises OSError, SealedElsewhere."""
        raw = file.open("rb", buffering=0)
        try:
            head = raw.read(HEAD_BYTES)
            if not head.startswith(MAGIC):
                raw.seek(0)
                return raw
            return SealedFile(raw, self._pieces(file, head[len(MAGIC) :]))
        except BaseException:
            raw.close()
            raise

    def append(self, file: Path, content: bytes) -> None:
        """Add to the end of a file; an empty one is sealed from now on, any other goes on as it began."""
        is_new = not file.exists() or not file.stat().st_size
        with self._begun(file, is_new) as out:
            out.seek(0, os.SEEK_END)
            _write_all(out, content)

    def _begun(self, file: Path, is_new: bool) -> io.RawIOBase:
        if is_new:
            return self.create(file)
        if not is_sealed(file):
            return file.open("ab", buffering=0)
        raw = file.open("r+b", buffering=0)
        return SealedFile(raw, self._pieces(file, raw.read(HEAD_BYTES)[len(MAGIC) :]))

    def seal_now(self, file: Path) -> None:
        """Seal a file that began before there was a key; one that is sealed, and without a key, stays as it is."""
        if not self._key or is_sealed(file):
            return
        draft = file.with_name(f"{file.name}.sealing")
        with file.open("rb") as plain, self.create(draft) as out:
            while part := plain.read(4 * PIECE_BYTES):
                out.write(part)
        draft.chmod(0o600)
        draft.replace(file)

    def size(self, file: Path) -> int:
        """How many bytes are in it, whatever they take on the disk."""
        return _inner(file.stat().st_size) if is_sealed(file) else file.stat().st_size

    def digest(self, file: Path) -> str:
        """SHA-256 of what is in it. Blocks: it reads the whole file."""
        with self.open(file) as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()  # pyright: ignore[reportArgumentType]

    def read(self, file: Path) -> bytes:
        with self.open(file) as opened:
            return opened.readall()

    def sealed(self, content: bytes) -> bytes:
        """A whole file as it is to stand on the disk."""
        if not self._key:
            return content
        raw, salt = io.BytesIO(), os.urandom(SALT_BYTES)
        raw.write(MAGIC + salt)
        out = SealedFile(raw, self._pieces(Path(), salt))
        out.write(content)
        return raw.getvalue()

    def parts(self, file: Path, begin: int, end: int) -> Iterator[bytes]:
        """What stands from `begin` to before `end`, piece by piece."""
        with self.open(file) as opened:
            opened.seek(begin)
            while begin < end and (part := opened.read(min(4 * PIECE_BYTES, end - begin))):
                begin += len(part)
                yield part

    def _pieces(self, file: Path, salt: bytes) -> _Pieces:
        if not self._key:
            raise SealedElsewhere(file=file.name)
        return _Pieces(self._key, salt, file.name)


PLAIN = DiskSeal()


def is_sealed(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(MAGIC)) == MAGIC


def _inner(size: int) -> int:
    """Bytes of content in so many of a sealed file."""
    whole, rest = divmod(max(0, size - HEAD_BYTES), SEALED_BYTES)
    return whole * PIECE_BYTES + max(0, rest - NONCE_BYTES - TAG_BYTES)


class _Pieces:
    """Close and open the pieces of one file."""

    def __init__(self, key: bytes, salt: bytes, name: str) -> None:
        self._aead = AESGCM(HKDF(SHA256(), 32, salt, _PURPOSE).derive(key))
        self._name = name

    def close(self, place: int, plain: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, place.to_bytes(8, "big"))

    def open(self, place: int, raw: bytes) -> bytes:
        try:
            return self._aead.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.to_bytes(8, "big"))
        except InvalidTag as wrong:
            raise SealedElsewhere(file=self._name) from wrong


class SealedFile(io.RawIOBase):
    """A sealed file as any other. The piece in which one reads or writes is in memory; each write goes to the disk."""

    def __init__(self, raw: Any, pieces: _Pieces) -> None:
        super().__init__()
        self._raw, self._pieces = raw, pieces
        self._at, self._place, self._piece = 0, -1, bytearray()
        self._size = self._sound_size()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        place, within = divmod(self._at, PIECE_BYTES)
        if self._at >= self._size:
            return 0
        self._load(place)
        part = self._piece[within : within + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def write(self, content: Any) -> int:
        """All of it. What lies between the end and where one writes is zero."""
        rest = memoryview(content).cast("B")
        if self._at > self._size:
            gap, self._at = self._at - self._size, self._size
            self.write(bytes(gap))
        while rest:
            place, within = divmod(self._at, PIECE_BYTES)
            self._load(place)
            part = rest[: PIECE_BYTES - within]
            self._piece[within : within + len(part)] = part
            self._raw.seek(HEAD_BYTES + place * SEALED_BYTES)
            _write_all(self._raw, self._pieces.close(place, bytes(self._piece)))
            self._at, rest = self._at + len(part), rest[len(part) :]
            self._size = max(self._size, self._at)
        return len(memoryview(content).cast("B"))

    def close(self) -> None:
        if not self.closed and not isinstance(self._raw, io.BytesIO):
            self._raw.close()
        super().close()

    def _load(self, place: int) -> None:
        if place == self._place:
            return
        self._raw.seek(HEAD_BYTES + place * SEALED_BYTES)
        raw = _read_all(self._raw, SEALED_BYTES)
        self._piece = bytearray(self._pieces.open(place, raw)) if raw else bytearray()
        self._place = place

    def _sound_size(self) -> int:
        """Up to the last piece that is whole: one that was being written when the machine died is none."""
        size = _inner(self._raw.seek(0, os.SEEK_END))
        if size:
            self._load(0)  # another key is known at once
        last, within = divmod(size, PIECE_BYTES)
        if within:
            try:
                self._load(last)
            except SealedElsewhere:
                return last * PIECE_BYTES
        return size


def _write_all(raw: Any, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[raw.write(rest) :]


def _read_all(raw: Any, count: int) -> bytes:
    found = b""
    while len(found) < count and (more := raw.read(count - len(found))):
        found += more
    return found
