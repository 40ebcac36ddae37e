"""How long a thing takes, as three quantiles with a source, and the named terms that times are made of.

Pure. Terms are joined as if all of them moved together: on a slow day the crew, the wind and the traffic are all slow.
For parts that move together the quantile of a sum, or of the later of two arms, is the sum, or the later, of the
quantiles: exact, and the three totals add up term by term. Were the parts independent the range would be narrower; how
they hang together is not known, so the wide side is taken. Which terms a way has is routing/air/flight.py's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from casebook.errors import RefusedInput
from casebook.words import Language, say

Quantile = Literal["p10", "p50", "p90"]
QUANTILES: tuple[Quantile, ...] = ("p10", "p50", "p90")
#: Where a figure is from: somebody published it; it follows from published or given ones; whoever asks states it; or
#: nobody has a source for it.
Mark = Literal["published", "derived", "given", "assumption"]


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something takes, in seconds: in one of ten cases at most p10, in half of them p50, in nine p90.

    `mark` speaks of p50, `ends` of p10 and p90. Raises RefusedInput unless 0 <= p10 <= p50 <= p90 < infinity.
    """

    p10_s: float
    p50_s: float
    p90_s: float
    mark: Mark = "given"
    ends: Mark = "given"
    source: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.p10_s <= self.p50_s <= self.p90_s < math.inf:
            why = f"0 <= {self.p10_s} <= {self.p50_s} <= {self.p90_s}"
            raise RefusedInput("bad_field", where="spread", field="p10_s, p50_s, p90_s", why=why)

    def at(self, quantile: Quantile) -> float:
        return self.p10_s if quantile == "p10" else self.p50_s if quantile == "p50" else self.p90_s

    def moved_to(self, p50_s: float, mark: Mark = "given") -> Spread:
        """The same shape about another middle: its ends in the same ratio, and those an assumption."""
        if p50_s == self.p50_s:
            return self
        low, high = (self.p10_s / self.p50_s, self.p90_s / self.p50_s) if self.p50_s else (1.0, 1.0)
        return Spread(min(p50_s, p50_s * low), p50_s, max(p50_s, p50_s * high), mark, "assumption")


def spread_of(told: float | Mapping[str, Any]) -> Spread:
    """A figure as a file states it: one number, or p10_s, p50_s, p90_s with mark, ends and source."""
    if isinstance(told, Mapping):
        return Spread(**told)
    return Spread(told, told, told)


@dataclass(frozen=True, slots=True)
class Term:
    """One named part of a time; said as ``routing.term.<name>``. `seconds` is likely.

    `low_s` and `high_s` are its length when the whole way is as quick or slow as p10 or p90 (None: as likely). For a
    wait low may exceed high: who has waited for a slow approval waits less for a slow crew.
    """

    name: str
    seconds: float
    low_s: float | None = None
    high_s: float | None = None
    mark: Mark = "derived"
    ends: Mark = "derived"
    source: str = ""

    def at(self, quantile: Quantile) -> float:
        end = self.low_s if quantile == "p10" else self.high_s if quantile == "p90" else None
        return self.seconds if end is None else end

    @property
    def assumed(self) -> bool:
        """Whether a number in it has no source."""
        return "assumption" in (self.mark, self.ends)

    def said(self, language: Language = "en") -> str:
        return say(f"routing.term.{self.name}", language)

    def as_facts(self) -> dict[str, Any]:
        """Plain JSON; seconds to 0.1. `assumed` and `source` stand only where there is something to say."""
        facts: dict[str, Any] = {"term": self.name, "seconds": round(self.seconds, 1)}
        if self.low_s is not None or self.high_s is not None:
            facts |= {"low_s": round(self.at("p10"), 1), "high_s": round(self.at("p90"), 1)}
        assumed = {"likely": self.mark, "range": self.ends}
        if self.assumed:
            facts["assumed"] = [part for part, mark in assumed.items() if mark == "assumption"]
        return facts | ({"source": self.source} if self.source else {})


def term(name: str, spread: Spread) -> Term:
    return Term(name, spread.p50_s, spread.p10_s, spread.p90_s, spread.mark, spread.ends, spread.source)


def total_s(terms: Iterable[Term], quantile: Quantile = "p50") -> float:
    # Asked for a thousand times per decision: each quantile is read where it stands, as Term.at does.
    if quantile == "p50":
        return math.fsum([term.seconds for term in terms])
    if quantile == "p10":
        return math.fsum([term.seconds if term.low_s is None else term.low_s for term in terms])
    return math.fsum([term.seconds if term.high_s is None else term.high_s for term in terms])
