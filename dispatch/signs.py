"""Say when a casualty's vital signs cross what a rule asks of them, and when they have come back. Pure.

The criteria are a score's table (casebook/scores), which of them count and for how long is the region's rule
(`signs` of rules/destination.yaml). A crossing is a fact of the log, told once: from it the needs follow
(dispatch/needs.py), and the desk decides again as after any other change (dispatch/case_watch.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from casebook import events as e
from casebook.casualty import Findings, Stage
from casebook.desks import Due
from casebook.picture import CasualtyState, Picture, Sample
from casebook.scores import get_table, score
from casebook.scores.inputs import inputs_of
from casebook.vitals import GCS_FIELDS, NUMERIC_FIELDS, Vitals, check
from dispatch.needs import case_of, rows_for
from dispatch.policy import Policy, SignsRule

Known = dict[str, tuple[Any, datetime]]  # field -> value, when it was measured
PRESSURES = ("sbp_mmhg", "dbp_mmhg", "map_mmhg")  # of one measurement: where one of them is in doubt, all are


class SignsWatch:
    """`due` for every casualty on the way; each is looked at anew only when something of them changed."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._seen: dict[str, tuple[CasualtyState, Due | None]] = {}

    def due(self, picture: Picture) -> list[Due]:
        self._seen = {id: self._look(state) for id, state in picture.casualties.items()}
        return [due for _, due in self._seen.values() if due is not None]

    def _look(self, state: CasualtyState) -> tuple[CasualtyState, Due | None]:
        known = self._seen.get(state.id)
        return known if known is not None and known[0] is state else (state, crossing(state, self._policy))


def crossing(state: CasualtyState, policy: Policy) -> Due | None:
    """What the newest sample makes of it: criteria met that change the needs, or met ones cleared; None: neither."""
    rule = policy.signs
    if rule is None or state.latest is None or state.arrived_at is not None or state.stage is Stage.CLOSED:
        return None
    at = state.latest.at
    if state.signs is not None:
        cleared = not _is_asked(state, rule) or _is_cleared(state, state.signs, rule)
        return Due(at, (e.SignsCleared(state.id, state.signs.criteria),)) if cleared else None
    met = _met(state, rule) if _is_asked(state, rule) else None
    return Due(at, (met,)) if met is not None and _changes_needs(state, met, policy) else None


def _is_asked(state: CasualtyState, rule: SignsRule) -> bool:
    return (state.findings or Findings()).pathway in rule.pathways


def _changes_needs(state: CasualtyState, met: e.SignsMet, policy: Policy) -> bool:
    """Whether other rules fire with it: who is treated as red already needs no telling."""
    assert state.latest is not None
    now = rows_for(case_of(state), policy, state.latest.at)
    return rows_for(case_of(replace(state, signs=met)), policy, state.latest.at) != now


def _met(state: CasualtyState, rule: SignsRule) -> e.SignsMet | None:
    """The criteria that were met at every look of the last `lasts_s`; one odd sample meets nothing."""
    level, criteria = _judged_at(state, rule, len(state.trend) - 1)
    looks = _looks(state.trend, rule.lasts_s) if criteria else range(0)
    for look in looks:
        then = _judged_at(state, rule, look)[1]
        criteria = tuple(name for name in criteria if name in then)
    if not (looks and criteria):
        return None
    known = _known_at(state.trend, len(state.trend) - 1, rule)
    values = {field: float(known[field]) for field in fields_of(rule.score, criteria)}
    return e.SignsMet(state.id, level, criteria, values, get_table(rule.score).version)


def _is_cleared(state: CasualtyState, signs: e.SignsMet, rule: SignsRule) -> bool:
    """Whether all that met a criterion was measured at every look of the last `clears_after_s`, and met none."""
    looks = _looks(state.trend, rule.clears_after_s)

    def clear(look: int) -> bool:
        known = _known_at(state.trend, look, rule)
        return all(field in known for field in signs.values) and not judged(rule.score, state.age_years, known)[1]

    ends = looks[:1], looks[-1:]  # looked at first: who is still in shock shows at the end, who just was at the start
    return len(looks) > 1 and all(clear(look) for part in (*reversed(ends), looks[1:-1]) for look in part)


def _judged_at(state: CasualtyState, rule: SignsRule, look: int) -> tuple[str, tuple[str, ...]]:
    return judged(rule.score, state.age_years, _known_at(state.trend, look, rule))


def judged(name: str, age_years: float | None, known: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """(field triage, criteria met) by this table; ("", ()) where none is met. Unmeasured meets nothing."""
    return _judged(name, age_years, tuple(sorted(known.items())))


@lru_cache(maxsize=4096)  # a monitor says the same numbers again and again
def _judged(name: str, age_years: float | None, known: tuple[tuple[str, Any], ...]) -> tuple[str, tuple[str, ...]]:
    given = inputs_of(get_table(name), Vitals(**dict(known)))
    result = score(name, given if age_years is None else given | {"age_years": age_years})
    criteria = tuple(filter(None, str(result.outputs.get("physiology_triggers") or "").split(";")))
    return (result.category.lower(), criteria) if criteria else ("", ())


@cache
def fields_of(name: str, criteria: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """The vital signs that these criteria of a table look at; None: all of them."""
    table = get_table(name)
    rows = [row for row in table.rows["criteria"] if criteria is None or row["name"] in criteria]
    inputs = dict.fromkeys(row[key] for row in rows for key in ("input", "above_input") if key in row)
    return tuple(vital for one in inputs if (vital := table.inputs[one].vital))


# --- what was known when


def _looks(trend: Sequence[Sample], span_s: float) -> range:
    """The samples of the last `span_s` and the one before them; none where nothing is known from so long ago."""
    begun = trend[-1].at - timedelta(seconds=span_s)
    since = next(number for number in range(len(trend), -1, -1) if number == 0 or trend[number - 1].at <= begun)
    return range(since - 1, len(trend)) if since else range(0)


def _known_at(trend: Sequence[Sample], look: int, rule: SignsRule) -> dict[str, Any]:
    """What was known at a sample: per field the newest value nothing speaks against, unless it was old by then.

    What people count is no artefact of a sensor: the newest of it stands for the looks before it, too.
    """
    at, known = trend[look].at, {}
    for field in fields_of(rule.score):
        by_hand = field in GCS_FIELDS
        for number in range(len(trend) - 1 if by_hand else look, -1, -1):
            sample = trend[number]
            if (at - sample.at).total_seconds() > rule.fresh_s:
                break
            if field in sample.vitals and (hit := believed(sample).get(field)) is not None:
                known |= {field: hit[0]} if (at - hit[1]).total_seconds() <= rule.fresh_s else {}
                break
    return known


def believed(sample: Sample) -> Known:
    """The values of a sample that nothing speaks against, each with when it was measured."""
    return _believed(sample.at, tuple(sample.vitals.items()))


@lru_cache(maxsize=65536)
def _believed(at: datetime, values: tuple[tuple[str, Any], ...]) -> Known:
    vitals = Vitals.from_dict(dict(values))
    doubted = {doubt.field for doubt in check(vitals)}
    if doubted & set(PRESSURES):
        doubted |= set(PRESSURES)
    cuff_at = vitals.nibp_at or at
    kept = ((name, value) for name, value in values if name in NUMERIC_FIELDS and name not in doubted)
    return {name: (value, cuff_at if name in PRESSURES else at) for name, value in kept if value is not None}
