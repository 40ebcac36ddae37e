"""The key that seals what a hub keeps beside its book: recordings, files of crews, stills. Read once, at the start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from casebook.errors import RefusedInput
from media.sealed_file import DiskSeal

KEY_BYTES = 32


def disk_seal(settings: Mapping[str, str] = os.environ) -> DiskSeal:
    """By the file that ABOARD_DISK_KEY_FILE names; without one nothing is sealed.

    Raises RefusedInput (`disk_key_unreadable`): a hub that was told to seal must not begin without its key.
    """
    file = settings.get("ABOARD_DISK_KEY_FILE", "")
    return DiskSeal(read_key(Path(file))) if file else DiskSeal()


def read_key(file: Path) -> bytes:
    """32 bytes, as they are or as 64 hexadecimal digits."""
    try:
        raw = file.read_bytes()
        key = raw if len(raw) == KEY_BYTES else bytes.fromhex(raw.decode("ascii").strip())
    except (OSError, ValueError) as wrong:
        raise RefusedInput("disk_key_unreadable", file=file.name, why=str(wrong)) from wrong
    if len(key) != KEY_BYTES:
        raise RefusedInput("disk_key_unreadable", file=file.name, why=f"{len(key)} bytes")
    return key
