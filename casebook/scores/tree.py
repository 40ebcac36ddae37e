"""Triage trees: one question after the other, each answered yes or no from one input, down to a category.

Rows: `tree`, whose first question is the root; `yes` and `no` name the next question or the category. A question that
cannot be answered is walked both ways: if every way ends in the same category, it does not matter; if not, there is no
category, and what is missing is said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from casebook.scores.answer import Answer
from casebook.scores.inputs import Reading
from casebook.scores.table import Table

Trail = tuple[tuple[str, bool | None], ...]


def walk(table: Table, reading: Reading) -> Answer:
    """The category under the first output's column, with the questions that led to it."""
    questions = table.rows["tree"]
    ways = _ways(questions, next(iter(questions)), reading)
    column = table.outputs[0]["column"]
    categories = {category for category, _ in ways}
    if len(categories) == 1:
        return Answer(outputs={column: categories.pop()}, trail=ways[0][1])
    asked_in_vain = [question for _, trail in ways for question, answer in trail if answer is None]
    wanted = dict.fromkeys(name for question in asked_in_vain for name in _inputs_of(questions[question]["ask"]))
    return Answer(outputs={column: None}, missing=tuple(name for name in wanted if reading.values[name] is None))


def _ways(questions: Mapping[str, Any], node: str, reading: Reading, trail: Trail = ()) -> list[tuple[str, Trail]]:
    """Every way that the known answers leave open: the category at its end, and the questions on it."""
    if node not in questions:
        return [(node, trail)]
    question = questions[node]
    answer = ask(question["ask"], reading)
    trail = (*trail, (node, answer))
    open_ways = ("yes", "no") if answer is None else ("yes",) if answer else ("no",)
    return [way for word in open_ways for way in _ways(questions, question[word], reading, trail)]


def ask(test: Mapping[str, Any], reading: Reading) -> bool | None:
    """Yes, no, or None when it cannot be told.

    `any_known`: yes if any part is, and one known part is enough (radial pulse or refill).
    """
    if "any_known" in test:
        known = [answer for part in test["any_known"] if (answer := ask(part, reading)) is not None]
        return any(known) if known else None
    if reading.values[test["input"]] is None:
        return None
    if "above" in test or "below" in test:
        number = reading.number(test["input"])
        assert number is not None
        return ("above" in test and number > test["above"]) or ("below" in test and number < test["below"])
    wanted = test.get("is", "1")
    return reading.choice(test["input"]) in (wanted if isinstance(wanted, list) else [wanted])


def _inputs_of(test: Mapping[str, Any]) -> list[str]:
    return [part["input"] for part in test.get("any_known", [test])]
