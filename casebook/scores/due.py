"""When a score must be taken again: it is too old, something was done to the patient, or a vital crossed a band."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from casebook.scores.engine import ScoreResult, score_vitals
from casebook.vitals import Vitals

Why = Literal["overdue", "treated", "band_crossed"]


@dataclass(frozen=True, slots=True)
class Due:
    """A reason to score again; `why` is said as ``score.due.<why>``, `items` are those whose points changed."""

    why: Why
    items: tuple[str, ...] = ()


def due_again(
    result: ScoreResult, now: datetime, *, treated_at: datetime | None = None, vitals: Vitals | None = None
) -> list[Due]:
    """Why `result` no longer stands; empty when it does. `vitals`: newest sample; `treated_at`: newest treatment."""
    dues = [Due("overdue")] if result.is_overdue(now) else []
    if treated_at is not None and result.at is not None and treated_at > result.at:
        dues.append(Due("treated"))
    crossed = _crossed(result, vitals) if vitals is not None else ()
    return [*dues, Due("band_crossed", crossed)] if crossed else dues


def _crossed(result: ScoreResult, vitals: Vitals) -> tuple[str, ...]:
    """Items whose points are known then and now, and differ; an item that cannot be read now has crossed nothing."""
    points = score_vitals(result.score, vitals, at=result.at).points
    return tuple(item for item, was in result.points.items() if was is not None and points.get(item) not in (was, None))
