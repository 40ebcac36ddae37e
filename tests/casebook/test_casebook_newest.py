"""An answer about the newest mapping is worked out once, and never given for another."""

from __future__ import annotations

from casebook.newest import OfNewest


def test_the_same_object_is_asked_once_and_an_equal_one_anew():
    asked: list[dict[str, int]] = []

    @OfNewest
    def total(of: dict[str, int]) -> int:
        asked.append(of)
        return sum(of.values())

    first, like_it = {"a": 1}, {"a": 1}
    assert (total(first), total(first), total(like_it), total(first)) == (1, 1, 1, 1)
    assert [id(one) for one in asked] == [id(first), id(like_it), id(first)], "only the newest is kept"
