"""An answer is found again only where what it stood on is the same."""

from __future__ import annotations

from datetime import UTC, datetime

from dispatch.recent import Recent

NOON = datetime(2021, 4, 18, 4, 0, tzinfo=UTC)


def test_the_same_word_instant_and_object_find_the_answer_and_nothing_else_does():
    recent, holds = Recent[str](), {"a": 1}
    assert recent.find("A", NOON, holds) is None
    assert recent.keep("A", "city", NOON, holds) == "city"
    assert recent.find("A", datetime(2021, 4, 18, 4, 0, tzinfo=UTC), holds) == "city"
    assert recent.find("A", NOON, {"a": 1}) is None, "an equal picture may have changed and changed back"
    assert recent.find("A", NOON) is None and recent.find("A", NOON, holds, "more") is None
    assert recent.find("A", datetime(2021, 4, 18, 4, 1, tzinfo=UTC), holds) is None
    assert recent.find("B", NOON, holds) is None


def test_the_oldest_is_forgotten_first():
    recent = Recent[int](kept=2)
    for number, name in enumerate("ABC"):
        recent.keep(name, number, "same")
    assert [recent.find(name, "same") for name in "ABC"] == [None, 1, 2]
