"""One family of errors, named in the ward's words and carrying facts, not prose.

Whose fault it is shows in the class::

    CoordinationError
    ├── RefusedInput        bad input from outside: exit code 2, HTTP 4xx
    │   ├── NotAllowed      the asker may not do or see this: HTTP 401/403
    │   ├── NotFound        the thing named does not exist: HTTP 404
    │   └── IllegalStep     the case is not at a stage where this may happen: HTTP 409
    ├── AlreadyHeld         somebody else holds the scarce thing: HTTP 409
    ├── NoAnswer            the question is fair, the world has no answer (no route, no capable centre): HTTP 409
    └── FeedLost            an outside thing is silent: HTTP 503

Each carries a `key` that the catalogues in `casebook/words` translate, with `facts` as placeholders.
"""

from __future__ import annotations

from typing import Any, ClassVar

from casebook.words import Language, say


class CoordinationError(Exception):
    """Root of the family. `key` is looked up as ``error.<key>`` in the catalogues; `facts` fill its placeholders."""

    key: str = "unexpected"
    http_status: ClassVar[int] = 500

    def __init__(self, key: str | None = None, **facts: Any) -> None:
        self.key = key or self.key
        self.facts = facts
        super().__init__(self.key)

    def said(self, language: Language = "en") -> str:
        """The sentence for a person: what, where, why, and what to do."""
        return say(f"error.{self.key}", language, **self.facts)

    def __str__(self) -> str:
        return self.said("en")

    def as_answer(self) -> dict[str, Any]:
        """The JSON body of a refusal; screens translate `key` with `facts`, `zh` and `en` serve everyone else."""
        facts = {
            name: value if isinstance(value, (int, float, bool)) else str(value) for name, value in self.facts.items()
        }
        return {"error": self.key, "facts": facts, "zh": self.said("zh"), "en": self.said("en")}


class RefusedInput(CoordinationError):
    """Bad input from outside; nothing was changed."""

    key = "refused_input"
    http_status = 422


class NotAllowed(RefusedInput):
    """The asker is unknown (`unknown_token`) or may not do this (`not_allowed`)."""

    key = "not_allowed"
    http_status = 403


class NotFound(RefusedInput):
    """The thing named does not exist, or is not for this asker's eyes."""

    key = "not_found"
    http_status = 404


class IllegalStep(RefusedInput):
    """The table of allowed steps has no such step; nothing was changed."""

    key = "illegal_step"
    http_status = 409


class AlreadyHeld(CoordinationError):
    """A scarce thing (bay, aircraft, landing site) is held by another case."""

    key = "already_held"
    http_status = 409


class NoAnswer(CoordinationError):
    """The question is fair but the world has no answer: no route, no capable centre."""

    key = "no_answer"
    http_status = 409


class FeedLost(CoordinationError):
    """An outside thing is silent: monitor, camera, hub, position."""

    key = "feed_lost"
    http_status = 503
