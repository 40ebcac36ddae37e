"""Say things of the report in one language: words by key, open vocabularies, names, clocks and spans.

Returns plain text; escaping is markup.py's. What has no word of ours is said as it was written.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from casebook.clock import SHANGHAI
from casebook.words import Language, catalogue, say

NOTHING = "–"  # stands where there is no value
WHOLE_HOSPITAL = "*"


@dataclass(frozen=True)
class Voice:
    """One language, and the instant that T+ counts from (None: the incident never came)."""

    language: Language
    zero: datetime | None

    def say(self, key: str, **facts: Any) -> str:
        return say(key, self.language, **facts)

    def word(self, group: str, id: Any) -> str:
        """The word `<group>.<id>` of an open vocabulary; the id itself where none is known."""
        return catalogue(self.language).get(f"{group}.{id}", str(id))

    def named(self, thing: Any, id: str) -> str:
        """`name_zh` or `name_en` of a unit, hospital or place; the id where it has none or is unknown."""
        return getattr(thing, f"name_{self.language}", "") or id

    def clock(self, at: datetime | None) -> str:
        """Asia/Shanghai, HH:MM:SS."""
        return at.astimezone(SHANGHAI).strftime("%H:%M:%S") if at else NOTHING

    def plus(self, at: datetime | None) -> str:
        """T+M:SS since the incident, T-M:SS before it."""
        if at is None or self.zero is None:
            return NOTHING
        span_s = round((at - self.zero).total_seconds())
        minutes, seconds = divmod(abs(span_s), 60)
        return f"T{'-' if span_s < 0 else '+'}{minutes}:{seconds:02d}"

    def minutes(self, span_s: float | None) -> str:
        """Minutes to 0.1 without unit."""
        return NOTHING if span_s is None else f"{span_s / 60:.1f}".replace("-", "−")

    def span(self, span_s: float | None) -> str:
        """ "12.5 min"; under a minute in seconds."""
        if span_s is None:
            return NOTHING
        if abs(span_s) < 60:
            return self.say("report.seconds", n=f"{span_s:.0f}")
        return self.say("report.minutes", n=self.minutes(span_s))

    def limit(self, span_s: float) -> str:
        """A bound of a table or scenario: minutes, without idle zeros."""
        return self.say("report.minutes", n=f"{span_s / 60:g}")

    def measured(self, path: str, value: Any, *, bound: bool = False) -> str:
        """A value of the report at this path: seconds as minutes, nothing as words; else as it stands."""
        if value is None:
            return self.say("report.never")
        spans = path.startswith(("clocks_s.", "moments_s.")) or path.endswith("_s")
        if spans and isinstance(value, (int, float)) and not isinstance(value, bool):
            return self.limit(value) if bound else self.span(value)
        return str(value)

    def listed(self, words: list[str]) -> str:
        return self.say("report.join").join(words)

    def reason(self, reason: Mapping[str, Any], hospitals: Mapping[str, Any]) -> str:
        """A reason of the decision as a sentence; its code where the catalogue has none."""
        key = f"reason.{reason['code']}"
        if key not in catalogue(self.language):
            return str(reason["code"])
        told = {name: self._fact(name, value, hospitals) for name, value in reason.get("facts", {}).items()}
        return self.say(key, **told)

    def _fact(self, name: str, value: Any, hospitals: Mapping[str, Any]) -> Any:
        if isinstance(value, (list, tuple)):
            return self.listed([self.word("report.capability", one) for one in value])
        if value is None:
            return NOTHING
        match name:
            case "resource":
                return self.resource(str(value))
            case "hospital":
                return self.named(hospitals.get(str(value)), str(value))
            case "reason":
                return self.word("report.closure", value)
            case "rule":
                return self.word("dispatch.rule", value)
            case "mode":
                return self.word("report.way", value)
            case _:
                return value

    def resource(self, id: str) -> str:
        """A counted thing, a capability or the whole hospital."""
        if id == WHOLE_HOSPITAL:
            return self.say("report.whole_hospital")
        known = catalogue(self.language)
        return known.get(f"report.resource.{id}") or known.get(f"report.capability.{id}") or id


def width_em(text: str) -> float:
    """About how wide a text is in a sans-serif face: a CJK character is one em, Latin after the widths of Arial."""
    return sum(_width_em(one) for one in text)


def _width_em(one: str) -> float:
    if unicodedata.east_asian_width(one) in "WF":
        return 1.0
    if one.isupper():
        return 0.69
    return 0.3 if one in " .,:;()/|'ijlI-" else 0.55


def shortened(text: str, most_em: float) -> str:
    """The text, or its beginning with an ellipsis."""
    if width_em(text) <= most_em:
        return text
    kept = ""
    for one in text:
        if width_em(kept + one) > most_em - 1:
            break
        kept += one
    return kept.rstrip(" ,(") + "…"
