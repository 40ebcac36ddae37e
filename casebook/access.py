"""Who may come in: a badge per screen and per vehicle, found by its token; roles see and do only what they need.

The one place for identity: full identity management (people, sign-on, certificates) will stand behind `Gate.admit`.
Tokens are kept as SHA-256 only; a token is shown once, when it is made.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from casebook.errors import NotAllowed, RefusedInput


class Role(StrEnum):
    PARAMEDIC = "paramedic"
    DISPATCHER = "dispatcher"
    ED = "ed"
    DIRECTOR = "director"
    ENGINEER = "engineer"  # keeps the machines running: figures of the hub, no case


@dataclass(frozen=True, slots=True)
class Badge:
    """What a token stands for. `unit` for a vehicle, `hospital` for a ward's board; else empty."""

    role: Role
    who: str
    unit: str = ""
    hospital: str = ""


class Gate:
    """Badges by token hash, kept in one JSON file (mode 0600) so that links survive a restart of the hub."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._badges: dict[str, Badge] = {}
        if file is not None and file.exists():
            try:
                self._badges = msgspec.json.decode(file.read_bytes(), type=dict[str, Badge])
            except msgspec.DecodeError as wrong:
                raise RefusedInput("bad_json", where=file.name, why=str(wrong)) from wrong

    def issue(self, badge: Badge, token: str | None = None) -> str:
        """A new token for this badge (or the one given, at enrolment by file)."""
        token = token or secrets.token_urlsafe(24)
        self._badges[_hash(token)] = badge
        self._save()
        return token

    def issue_all(self, badges: Mapping[str, Badge]) -> dict[str, str]:
        """A new token for each, by the same names; written once."""
        tokens = {name: secrets.token_urlsafe(24) for name in badges}
        self._badges |= {_hash(tokens[name]): badge for name, badge in badges.items()}
        self._save()
        return tokens

    def revoke(self, token: str) -> None:
        self._badges.pop(_hash(token), None)
        self._save()

    def admit(self, token: str | None) -> Badge:
        """The badge behind the token. Raises NotAllowed (`unknown_token`), the same for absent and wrong."""
        badge = self._badges.get(_hash(token)) if token else None
        if badge is None:
            raise NotAllowed("unknown_token")
        return badge

    def _save(self) -> None:
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        text = msgspec.json.encode({key: asdict(badge) for key, badge in self._badges.items()}, order="sorted")
        draft = self._file.with_suffix(".new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(text)
        draft.replace(self._file)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def need(badge: Badge, *roles: Role, what: str) -> None:
    """Raise NotAllowed unless the badge has one of the roles. The drill director may do everything."""
    if badge.role not in roles and badge.role is not Role.DIRECTOR:
        raise NotAllowed("not_allowed", what=what, needs=" / ".join(roles))


def need_hospital(badge: Badge, hospital: str, what: str) -> None:
    """A ward's board speaks and sees only for its own hospital."""
    if badge.role is Role.ED and badge.hospital != hospital:
        raise NotAllowed("not_allowed", what=what, needs=f"{Role.ED} {hospital}")


def need_unit(badge: Badge, unit: str, what: str) -> None:
    """A crew speaks and sees only for its own vehicle."""
    if badge.role is Role.PARAMEDIC and badge.unit != unit:
        raise NotAllowed("not_allowed", what=what, needs=f"{Role.PARAMEDIC} {unit}")
