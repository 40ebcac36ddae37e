"""What a casualty's hospital must have, what would help, and which rules say so. Pure.

The rules are rows of a dated table (dispatch/rules/destination.yaml); which hospital has it is dispatch/judging.py's.
A condition on something nobody has measured does not fire, and is told as not assessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from casebook.casualty import Findings
from casebook.events import Reason
from casebook.picture import CasualtyState
from dispatch.policy import NO_CATEGORY, NeedsRow, Policy, When


@dataclass(frozen=True, slots=True)
class Case:
    """What the decision knows of a casualty. `needs` and `wants` as the crew stated them; None: not known."""

    casualty: str
    category: str = NO_CATEGORY
    pathway: str = "general"
    needs: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    airway_unmanageable: bool = False
    in_arrest: bool = False
    wish: str | None = None
    age_years: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    last_known_well: datetime | None = None
    field_triage: str = ""
    pregnancy_weeks: float | None = None
    refused_by: tuple[str, ...] = ()

    @property
    def closest_any(self) -> bool:
        """An immediate threat to life: any hospital meets it better than the road does."""
        return self.airway_unmanageable or self.in_arrest


def case_of(state: CasualtyState) -> Case:
    """The case of a casualty as the picture has it."""
    found = state.findings or Findings()
    return Case(
        casualty=state.id, category=str(state.category) if state.category else NO_CATEGORY, pathway=str(found.pathway),
        needs=found.needs, wants=found.wants, airway_unmanageable=found.airway_unmanageable, in_arrest=found.in_arrest,
        wish=state.wish, age_years=_float(state.age_years), scores=_floats(found.scores),
        last_known_well=found.last_known_well,
        field_triage=field_triage_of(state), pregnancy_weeks=_float(found.pregnancy_weeks),
        refused_by=tuple(sorted(state.refusals)),
    )  # fmt: skip


FIELD_TRIAGE = ("red", "yellow", "")  # the worst first


def field_triage_of(state: CasualtyState) -> str:
    """The worse of what the crew said and what vital signs meet (dispatch/signs.py): neither takes the other back."""
    said = state.findings.field_triage if state.findings else ""
    return min(said, state.signs.field_triage if state.signs else "", key=FIELD_TRIAGE.index)


def _float(value: float | None) -> float | None:
    """A number has one face in a hash: 42 as it came and 42.0 as the log gives it back are the same."""
    return None if value is None else float(value)


def _floats(values: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in sorted(values.items())}


@dataclass(frozen=True, slots=True)
class Needs:
    """`must`: what is demanded; `helps`: what is wanted; `rules`: the rows that fired; `unmeasured`: those that could
    not be asked, each with what is missing."""

    must: tuple[str, ...]
    helps: tuple[str, ...]
    rules: tuple[str, ...] = ()
    unmeasured: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of the table that fit a case. `within`: those that are demanded only while they can be met in time."""

    firm: tuple[NeedsRow, ...] = ()
    within: tuple[NeedsRow, ...] = ()
    unmeasured: tuple[Reason, ...] = ()


def rows_for(case: Case, policy: Policy, now: datetime) -> Rows:
    """The fitting rows; none where the closest hospital is meant."""
    if case.closest_any:
        return Rows()
    firm: list[NeedsRow] = []
    within: list[NeedsRow] = []
    unmeasured: list[Reason] = []
    for row in policy.needs:
        if case.pathway not in row.pathways or (row.categories and case.category not in row.categories):
            continue
        missing = unanswered(row.when, case, now) if row.when else ()
        if missing is None:
            continue
        if missing:
            unmeasured.append(Reason("rule_unmeasured", {"rule": row.rule, "missing": list(missing)}))
        else:
            (within if row.if_within_limit else firm).append(row)
    return Rows(tuple(firm), tuple(within), tuple(unmeasured))


def unanswered(when: When, case: Case, now: datetime) -> tuple[str, ...] | None:
    """() when all conditions hold; None when one does not; else the names of what would have to be measured first."""
    answers = list(_answers(when, case, now))
    if any(answer is False for _, answer in answers):
        return None
    return tuple(name for name, answer in answers if answer is None)


def _answers(when: When, case: Case, now: datetime) -> Iterable[tuple[str, bool | None]]:
    if when.scores_at_least:
        measured = {name: case.scores[name] for name in when.scores_at_least if name in case.scores}
        reached = any(value >= when.scores_at_least[name] for name, value in measured.items())
        yield "/".join(sorted(when.scores_at_least)), reached if measured else None
    if when.onset_within_s is not None:
        well = case.last_known_well
        yield "last_known_well", None if well is None else (now - well).total_seconds() <= when.onset_within_s
    if when.age_below is not None:
        yield "age_years", None if case.age_years is None else case.age_years < when.age_below
    if when.pregnancy_weeks_from is not None:
        weeks = case.pregnancy_weeks
        yield "pregnancy_weeks", False if weeks is None else weeks >= when.pregnancy_weeks_from
    if when.field_triage:
        yield "field_triage", case.field_triage in when.field_triage


def needs_of(case: Case, policy: Policy, rows: Rows, met_within: Iterable[NeedsRow]) -> Needs:
    """What follows from the rows. `met_within`: those of `rows.within` that somebody within the limit meets."""
    if case.closest_any:
        return Needs(policy.closest_any.needs, ())
    met = tuple(met_within)
    demanding, helping = (*rows.firm, *met), tuple(row for row in rows.within if row not in met)
    must = tuple(dict.fromkeys([*case.needs, *(word for row in demanding for word in row.needs)]))
    wanted = [*case.wants, *(word for row in demanding for word in row.wants)]
    wanted += [word for row in helping for word in (*row.needs, *row.wants)]
    helps = tuple(word for word in dict.fromkeys(wanted) if word not in must)
    return Needs(must, helps, tuple(row.rule for row in (*demanding, *helping)), rows.unmeasured)
