"""Say where a change of the day lies and that a way goes round it: "avoids G60 km 38-41, closed by dispatch 09:12"."""

from __future__ import annotations

from datetime import datetime

from casebook.clock import SHANGHAI
from casebook.words import Language, catalogue, say
from routing.traffic.stretch import Stretch


def say_where(where: Stretch, language: Language, otherwise: str) -> str:
    """Road number, kilometres and direction; `otherwise` (a closure's id) where it has no road number."""
    what = where.ref or otherwise
    if where.km is not None:
        km_a, km_b = (f"{km:g}" for km in where.km)
        what = say("routing.avoided.km", language, ref=what, km_a=km_a, km_b=km_b)
    if where.bearing_deg is None:
        return what
    towards = say(f"routing.compass.{round(where.bearing_deg / 90) % 4}", language)
    return say("routing.avoided.direction", language, what=what, direction=towards)


def say_avoided(
    where: Stretch,
    language: Language,
    *,
    closure: str,
    reason: str,
    author: str,
    since: datetime,
    at: datetime | None = None,
) -> str:
    """The sentence for a way that goes round a closure. The day is told only where it is not that of `at`."""
    local = since.astimezone(SHANGHAI)
    same_day = at is None or at.astimezone(SHANGHAI).date() == local.date()
    why = say(f"routing.closed.{reason}", language) if f"routing.closed.{reason}" in catalogue(language) else reason
    return say(
        "routing.avoided.said",
        language,
        what=say_where(where, language, closure),
        author=author,
        since=f"{local:%H:%M}" if same_day else f"{local:%Y-%m-%d %H:%M}",
        reason=why,
    )
