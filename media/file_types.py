"""What files a vehicle may hand in, told by their first bytes and never by their name, and how large each may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from casebook.errors import RefusedInput

Kind = Literal["strip_12lead", "photo", "clip", "ultrasound"]  # what the crew says that it is
KINDS: tuple[Kind, ...] = get_args(Kind)
HEAD_BYTES = 16  # that tell the type
BYTES_MAX = 100_000_000


@dataclass(frozen=True, slots=True)
class FileType:
    """`magic` stands at byte `at` of every file of this type. `shown`: a picture that every browser draws."""

    media: str
    suffix: str
    at: int
    magic: bytes
    bytes_max: int
    shown: bool = False


# The magic bytes: JPEG (ITU-T T.81 B.1), PNG (W3C PNG 5.2), WebP (RFC 9649 2.4), PDF (ISO 32000-1 7.5.2), MP4 (ISO/IEC
# 14496-12 4.3), WebM (EBML, RFC 8794 11.2.1). How large each may be is this house's: a telephone's picture takes 3 to 8
# MB, a minute of its video about 60.
TYPES = (
    FileType("image/jpeg", ".jpg", 0, b"\xff\xd8\xff", 20_000_000, shown=True),
    FileType("image/png", ".png", 0, b"\x89PNG\r\n\x1a\n", 20_000_000, shown=True),
    FileType("image/webp", ".webp", 8, b"WEBP", 20_000_000, shown=True),
    FileType("application/pdf", ".pdf", 0, b"%PDF-", 20_000_000),
    FileType("video/mp4", ".mp4", 4, b"ftyp", BYTES_MAX),
    FileType("video/webm", ".webm", 0, b"\x1a\x45\xdf\xa3", BYTES_MAX),
)


class WrongType(RefusedInput):
    """None of the types that are taken."""

    key = "file_type"
    http_status = 415


class TooLarge(RefusedInput):
    """More than a file of its type may have."""

    key = "file_too_large"
    http_status = 413


def type_of(head: bytes) -> FileType:
    """The type of a file that begins so (`HEAD_BYTES`, or all of it). Raises WrongType."""
    found = next((one for one in TYPES if head[one.at : one.at + len(one.magic)] == one.magic), None)
    if found is None:
        raise WrongType(expected=", ".join(one.suffix for one in TYPES))
    return found


def check_size(size_bytes: int, limit: int = BYTES_MAX) -> None:
    """Raises TooLarge; RefusedInput for an empty file."""
    if size_bytes > limit:
        raise TooLarge(mb=limit // 1_000_000)
    if size_bytes <= 0:
        raise RefusedInput("file_empty")
