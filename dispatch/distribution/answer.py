"""What a distribution answers: a row per casualty, sums that add up, and what simpler rules would have come to.

Shapes only; dispatch/distribution/reporting.py fills them. Minutes count from the case's `at`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from casebook.events import Reason


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every piece of the answer."""


class Row(Shape, frozen=True):
    """Who goes where, by whom, when. `trip` 0: it was under way already.

    `care_min`: expected begin of definitive care; `survival` 0..1 with care then. `place`: known, standing (nobody
    vouches
    for it: ask first) or none (no counted place is needed). `redirected`: planned for another hospital before.
    """

    casualty: str
    category: str
    vehicle: str
    trip: int
    scene: str
    loads_min: int
    leaves_min: int
    hospital: str
    arrives_min: int
    care_min: int
    survival: float
    leaves_at: datetime
    arrives_at: datetime
    care_at: datetime
    place: str
    mode: str
    under_way: bool = False
    redirected: bool = False


class NotTaken(Shape, frozen=True):
    """Somebody without a destination, and why. `stabilise_at`: the nearest hospital that there is a way to; `ask`:
    those that
    have what is needed and would have to be persuaded, nearest first."""

    casualty: str
    category: str
    reason: Reason
    survival: float
    stabilise_at: str | None = None
    ask: tuple[str, ...] = ()


class Outcome(Shape, frozen=True):
    """What a plan or a rule comes to. `loss`: expected deaths with minutes and wishes as the rules weigh them; this is
    what is made small. `mean_care_min`: of those taken; None: nobody is. `red_care_min` the same of red."""

    loss: float
    deaths: float
    taken: int
    not_taken: int
    mean_care_min: float | None
    red_care_min: float | None


class Totals(Shape, frozen=True):
    """`casualties` = `planned` + `under_way` + `not_taken` + `not_carried`; `tags`: every tag stands exactly once."""

    casualties: int
    planned: int
    under_way: int
    not_taken: int
    not_carried: int
    tags: bool


class Share(Shape, frozen=True):
    """`count` of `of`, and what they are counted of. `share` None: there is nobody to count."""

    count: int
    of: int
    among: str
    share: float | None


class TriageQuality(Shape, frozen=True):
    """Of casualties whose ISS is known and who were given a hospital; severe is ISS >= 16, as field triage is judged
    by.

    `under`: severe that go elsewhere than to a trauma centre, of all severe (1 - sensitivity). `over`: not severe,
    of all
    that go to one (1 - positive predictive value); `over_of_minor`: the same of all that are not severe (1 -
    specificity).
    """

    known: int
    unknown: int
    under: Share
    over: Share
    over_of_minor: Share


class Proofs(Shape, frozen=True):
    """`bound`: no plan loses less; `gap`: share of the loss between the two; `hurried`: the wall clock cut it short, so
    that another run may find another plan. `rounds`, `trips_considered`, `nodes`: how far was looked."""

    bound: float
    gap: float
    proven: bool
    hurried: bool
    rounds: int
    trips_considered: int
    nodes: int


class Answer(Shape, frozen=True):
    """`rows` by when they leave; `summary`: hospital -> category -> casualties; `compared`: rule -> its outcome.

    `inputs`: hash of the case and of all rules. `fired`: ids of the rules that shaped the plan.
    `redirections`: casualties whose planned hospital changed.
    """

    id: str
    inputs: str
    rules: str
    destination_rules: str
    fired: tuple[str, ...]
    seed: int
    at: datetime
    rows: tuple[Row, ...]
    not_taken: tuple[NotTaken, ...]
    not_carried: tuple[str, ...]
    summary: dict[str, dict[str, int]]
    totals: Totals
    outcome: Outcome
    compared: dict[str, Outcome]
    proof: Proofs
    triage: TriageQuality
    redirections: int
    standing: tuple[str, ...] = ()


def answer_schema() -> dict[str, Any]:
    """The JSON Schema of what comes out."""
    return msgspec.json.schema(Answer)
