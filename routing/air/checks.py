"""What forbids a flight or a landing, and what nobody knows about it."""

from __future__ import annotations

from dataclasses import dataclass

from casebook.events import Reason


@dataclass(frozen=True, slots=True)
class Check:
    """May it be done? `refused` reasons forbid it; `unknown` ones must be settled by a person before it is done."""

    refused: tuple[Reason, ...] = ()
    unknown: tuple[Reason, ...] = ()

    @property
    def allowed(self) -> bool | None:
        """True, False, or None where something is not known."""
        return False if self.refused else None if self.unknown else True

    def also(self, other: Check) -> Check:
        if not (other.refused or other.unknown):
            return self
        return Check(self.refused + other.refused, self.unknown + other.unknown)


FINE = Check()


def refuse(code: str, **facts: object) -> Check:
    return Check(refused=(Reason(code, dict(facts)),))


def unknown(code: str, **facts: object) -> Check:
    return Check(unknown=(Reason(code, dict(facts)),))
