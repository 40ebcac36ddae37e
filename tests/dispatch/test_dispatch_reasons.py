"""Whatever dispatch gives as a reason or writes in its activity log can be said in both languages, with every fact."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from test_dispatch_destination import NOW, POLICY, worlds

import dispatch
from casebook.events import FACTS
from casebook.words import LANGUAGES, catalogue
from dispatch.destination import decide_destination
from dispatch.reasons import seconds

SOURCES = sorted(Path(dispatch.__file__).parent.glob("*.py"))
ADDED = {"eta_min", "hospital", "mode"}  # what the activity log takes out of an option or a leg


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def codes_in(source: Path) -> set[str]:
    """Every code that a Reason is made with in this file."""
    calls = [node for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    made = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Reason" and call.args]
    return {str(call.args[0].value) for call in made if isinstance(call.args[0], ast.Constant)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_that_dispatch_gives_has_its_sentence(language):
    codes = set().union(*map(codes_in, SOURCES))
    assert len(codes) > 20
    assert not [code for code in codes if f"reason.{code}" not in catalogue(language)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_shipped_rule_is_said_in_words_and_not_by_its_id(language):
    rules = {row.rule for row in POLICY.needs}
    assert len(rules) > 8
    assert not [rule for rule in rules if f"dispatch.rule.{rule}" not in catalogue(language)]


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_every_sentence_of_a_decision_gets_every_fact(world):
    case, ways, houses, holds = world
    decision = decide_destination(case, ways, houses, holds, NOW, POLICY)
    given_reasons = [reason for one in (*decision.options, *decision.rejected) for reason in one.reasons]
    for reason in given_reasons:
        for language in LANGUAGES:
            assert placeholders(catalogue(language)[f"reason.{reason.code}"]) <= set(reason.facts)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", sorted(FACTS))
def test_every_fact_can_be_told_in_the_activity_log(name: str, language):
    known = set(FACTS[name].__dataclass_fields__) | ADDED
    assert placeholders(catalogue(language)[f"event.{name}"]) <= known


def test_a_span_stands_in_seconds_for_programs_and_in_minutes_for_people():
    assert seconds("slower", 1263.4) == {"slower_s": 1263, "slower_min": 21.1}
