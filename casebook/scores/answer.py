"""What a method of scoring answers: points, total, outputs, what is missing, and the way it went."""

from __future__ import annotations

from dataclasses import dataclass, field

from casebook.scores.inputs import Value

Output = Value | int


@dataclass(frozen=True, slots=True)
class Answer:
    """A method's answer. With anything in `missing`, `total` is None; an output that is absent reads "incomplete"."""

    outputs: dict[str, Output]
    missing: tuple[str, ...] = ()
    points: dict[str, int | None] = field(default_factory=dict)  # None: not known
    total: int | None = None
    trail: tuple[tuple[str, bool | None], ...] = ()  # the questions asked and their answers, for saying why
