"""A kept part stands while it is made of the same objects and time has not run it out; what says the same stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from casebook.kept_parts import KeptParts

NOON, SECOND = datetime(2026, 1, 1, 12, tzinfo=UTC), timedelta(seconds=1)


def test_a_part_is_made_anew_only_when_it_is_made_of_another_object():
    parts, state, made = KeptParts(), [1], []
    for of in (state, state, [1]):
        parts.get("a", (of,), lambda of=of: made.append(of) or {"n": of[0], "unknown": None})
    assert made == [state, [1]] and made[1] is not state


def test_what_says_the_same_is_the_old_object_and_has_no_unknown():
    parts = KeptParts()
    first = parts.get("a", ([1],), lambda: {"n": 1, "unknown": None})
    assert first == {"n": 1} and parts.get("a", ([1],), lambda: {"n": 1}) is first
    assert parts.get("a", ([1],), lambda: {"n": 2}) == {"n": 2}


def test_a_part_that_time_changes_stands_from_when_it_was_made_until_then():
    parts, state = KeptParts(), object()
    told = parts.keep("a", (state,), {"n": 1}, NOON, NOON + SECOND)
    assert parts.find("a", (state,), NOON) is told
    assert parts.find("a", (state,), NOON + SECOND - timedelta(microseconds=1)) is told
    assert parts.find("a", (state,), NOON + SECOND) is None
    assert parts.find("a", (state,), NOON - SECOND) is None, "a clock that was put back"
    assert parts.find("a", (object(),), NOON) is None
    assert parts.find("b", (state,), NOON) is None


def test_those_that_are_no_more_take_no_room():
    parts, state = KeptParts(), object()
    parts.keep("a", (state,), {}, NOON)
    parts.keep("b", (state,), {}, NOON)
    parts.forget_but({"b": None})
    assert parts.find("a", (state,), NOON) is None and parts.find("b", (state,), NOON) == {}
