"""Score a case: read its inputs, check whom the table is for, let the table's method answer, and say what stands.

The one way to a result, for the command line, the tablet and the desks alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from casebook.scores.answer import Answer, Output
from casebook.scores.criteria import judge
from casebook.scores.injuries import sum_squares
from casebook.scores.inputs import Reading, Value, inputs_of, read_inputs, shown
from casebook.scores.leads import find_elevation
from casebook.scores.points import add_up
from casebook.scores.ratio import divide
from casebook.scores.shares import count_shares
from casebook.scores.table import Table, get_table
from casebook.scores.tree import walk
from casebook.vitals import Vitals
from casebook.words import Language, say

Status = Literal["complete", "incomplete", "not_applicable"]

METHODS: dict[str, Callable[[Table, Reading], Answer]] = {
    "points": add_up,
    "tree": walk,
    "ratio": divide,
    "criteria": judge,
    "injuries": sum_squares,
    "leads": find_elevation,
    "shares": count_shares,
}


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """A score with everything needed to recompute and to doubt it.

    `outputs` are the table's named answers (band, category, ...) in its order; where no answer may be given they read
    "incomplete" or "not_applicable", or are empty (numbers and flags). `total` is None unless `status` is complete.
    """

    score: str
    table: str  # version: "mews@2001-10-01"
    evidence: str
    status: Status
    headline: str  # the output to show first
    inputs: dict[str, Value]  # as read: exact, rounded as the table says, "NT" where untestable
    outputs: dict[str, Output]
    points: dict[str, int | None]
    total: int | None = None
    missing: tuple[str, ...] = ()
    not_testable: tuple[str, ...] = ()  # those of `missing` that were assessed as NT
    check_sensor: tuple[str, ...] = ()  # inputs outside their soft bounds
    stale: tuple[str, ...] = ()  # inputs older than the table allows
    trail: tuple[tuple[str, bool | None], ...] = ()  # a tree's questions and answers
    at: datetime | None = None
    rescore_s: int | None = None  # due again this long after `at`; 0: watch continuously; None: no rule
    points_column: str | None = None
    total_column: str | None = None

    @property
    def category(self) -> str:
        """The first answer as text: "high", "RED", "incomplete"."""
        return shown(self.outputs[self.headline])

    def is_overdue(self, now: datetime) -> bool:
        """Older than its rule allows (strictly); a result without instant or rule is never overdue."""
        if self.at is None or not self.rescore_s:
            return False
        return now - self.at > timedelta(seconds=self.rescore_s)

    def columns(self) -> dict[str, str]:
        """The result as the columns that a file of cases gets appended: all text, "" for what is not given."""
        columns = {self.total_column: shown(self.total)} if self.total_column else {}
        columns |= {name: shown(value) for name, value in self.outputs.items()}
        if self.points_column:
            columns |= {f"got_{self.points_column}_{item}": shown(got) for item, got in self.points.items()}
        return columns | {"missing": ";".join(self.missing), "table": self.table}

    def as_dict(self) -> dict[str, Any]:
        """For JSON and for events: plain values, exact numbers as text."""
        return {
            "score": self.score,
            "table": self.table,
            "status": self.status,
            "category": self.category,
            "total": self.total,
            "outputs": {name: _plain(value) for name, value in self.outputs.items()},
            "points": self.points,
            "inputs": {name: _plain(value) for name, value in self.inputs.items() if value is not None},
            "missing": list(self.missing),
            "not_testable": list(self.not_testable),
            "check_sensor": list(self.check_sensor),
            "stale": list(self.stale),
            "at": self.at.isoformat() if self.at else None,
            "rescore_s": self.rescore_s,
        }

    def said(self, language: Language = "en") -> str:
        """One line for a person: name, total and answer, or what is missing."""
        name = say(f"score.{self.score}", language)
        if self.status == "not_applicable":
            return say("score.not_applicable_line", language, name=name)
        if self.missing and self.category == "incomplete":
            lacking = "、" if language == "zh" else ", "
            missing = lacking.join(say(f"score.input.{input}", language) for input in self.missing)
            return say("score.incomplete_line", language, name=name, missing=missing)
        answer = say(f"score.says.{self.category}", language) if self.category else "-"
        if self.total is None:
            return say("score.category_line", language, name=name, answer=answer)
        return say("score.total_line", language, name=name, total=self.total, answer=answer)


def score(
    name: str,
    given: Mapping[str, Any],
    *,
    at: datetime | None = None,
    measured_at: Mapping[str, datetime] | None = None,
) -> ScoreResult:
    """Score one case. `given`: inputs by the table's names, as text or numbers; None and "" are unmeasured.

    `at` is the instant of scoring and picks the edition of the table; `measured_at` (input -> instant) lets the result
    name inputs that are too old. Raises RefusedInput or NotFound (unknown score).
    """
    table = get_table(name, at)
    reading = read_inputs(table, given)
    if not _is_for(table, reading):
        return _result(table, reading, Answer(outputs={}), at, not_applicable=True)
    return _result(table, reading, METHODS[table.method](table, reading), at, measured_at or {})


def score_vitals(
    name: str, vitals: Vitals, *, confirmed: bool = False, at: datetime | None = None, **others: Any
) -> ScoreResult:
    """Score a monitor's sample. Values outside the soft bounds count as unmeasured until somebody confirms them.

    `others` are inputs that no monitor gives (age_years, scale ...); they win over the sample's. A cuff pressure brings
    its own age along.
    """
    table = get_table(name, at)
    given = inputs_of(table, vitals, confirmed=confirmed) | others
    by_cuff = [input for input, spec in table.inputs.items() if spec.vital == "sbp_mmhg" and input not in others]
    measured_at = dict.fromkeys(by_cuff, vitals.nibp_at) if vitals.nibp_at else {}
    return score(name, given, at=at, measured_at=measured_at)


def _result(
    table: Table,
    reading: Reading,
    answer: Answer,
    at: datetime | None,
    measured_at: Mapping[str, datetime] | None = None,
    *,
    not_applicable: bool = False,
) -> ScoreResult:
    status: Status = "not_applicable" if not_applicable else "incomplete" if answer.missing else "complete"
    outputs = _filled(table, answer, status)
    items = {item["item"]: None for item in table.rows.get("items", ())}
    return ScoreResult(
        score=table.score,
        table=table.version,
        evidence=table.evidence,
        status=status,
        headline=table.headline,
        inputs=reading.values | dict.fromkeys(reading.not_testable, "NT"),
        outputs=outputs,
        points=items | answer.points,
        total=answer.total,
        missing=answer.missing,
        not_testable=tuple(name for name in reading.not_testable if name in answer.missing),
        check_sensor=reading.check_sensor,
        stale=stale_inputs(table, reading.values, at, measured_at or {}),
        trail=answer.trail,
        at=at,
        rescore_s=_rescore_s(table, outputs),
        points_column=table.rows.get("points_column"),
        total_column=table.rows.get("total_column", "total") if table.method == "points" else None,
    )


def _plain(value: Output) -> Any:
    if isinstance(value, dict):
        return json.loads(shown(value))
    return str(value) if isinstance(value, Decimal) else value


def _filled(table: Table, answer: Answer, status: Status) -> dict[str, Output]:
    """The table's outputs in its order, unanswered ones reading as the table says; then the method's further ones."""
    outputs: dict[str, Output] = {}
    for output in table.outputs:
        unanswered = output.get("unknown", "not_applicable" if status == "not_applicable" else "incomplete")
        value = answer.outputs.get(output["column"])
        outputs[output["column"]] = unanswered if value is None else value
    return outputs | {name: value for name, value in answer.outputs.items() if name not in outputs}


def _is_for(table: Table, reading: Reading) -> bool:
    """Whether the table is made for a patient of this age; an age that is not known rules nothing out."""
    age = reading.number("age_years") if "age_years" in table.inputs else None
    if age is None:
        return True
    rules = [
        rule
        for rule in table.rows.get("ages", ())
        if all(reading.choice(name) == wanted for name, wanted in rule.get("when", {}).items())
    ]
    return all(rule.get("from_years", 0) <= age <= rule.get("to_years", age) for rule in rules)


def stale_inputs(
    table: Table, read: Mapping[str, Any], at: datetime | None, measured_at: Mapping[str, datetime]
) -> tuple[str, ...]:
    """Those of the inputs that were read (as in `ScoreResult.inputs`) that are older at `at` than the table allows."""
    limit = table.input_age
    if at is None or limit is None:
        return ()
    return tuple(
        name for name, measured in measured_at.items() if read.get(name) not in (None, "NT") and at - measured > limit
    )


def _rescore_s(table: Table, outputs: Mapping[str, Output]) -> int | None:
    minutes = outputs.get(table.rows["rescore_min_from"]) if "rescore_min_from" in table.rows else None
    if minutes == "continuous":
        return 0
    fixed = table.rows.get("rescore_min")
    return minutes * 60 if isinstance(minutes, int) else fixed * 60 if fixed is not None else None
