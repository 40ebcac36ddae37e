"""A command is read whole or refused by field; nothing is guessed and no number that is none gets in."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casebook.access import Badge, Role
from casebook.asking import Asker, Command, read_command
from casebook.errors import RefusedInput


class OrderTea(Command, frozen=True, kw_only=True):
    """A cup of tea."""

    kind: Literal["green", "black"]
    cups: int = 1
    celsius: float | None = None
    at: datetime | None = None


def refusal(raw: bytes | str | dict) -> RefusedInput:
    text = raw if isinstance(raw, bytes) else raw.encode() if isinstance(raw, str) else json.dumps(raw).encode()
    with pytest.raises(RefusedInput) as caught:
        read_command(text, OrderTea, "order_tea")
    assert caught.value.facts["where"] == "order_tea"
    assert "order_tea" in caught.value.said("zh") and "order_tea" in caught.value.said("en")
    return caught.value


def test_a_command_is_read_with_its_defaults():
    assert read_command(b'{"kind": "green"}', OrderTea, "order_tea") == OrderTea(kind="green")


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({"cups": 2}, "$"),
        ({"kind": "milk"}, "kind"),
        ({"kind": "green", "cups": "two"}, "cups"),
        ({"kind": "green", "cups": 1.5}, "cups"),
        ({"kind": "green", "cups": True}, "cups"),
        ({"kind": "green", "sugar": 1}, "$"),
        ({"kind": "green", "at": "yesterday"}, "at"),
        ([1], "$"),
    ],
)
def test_a_field_that_does_not_fit_is_named(raw, field: str):
    wrong = refusal(raw)
    assert (wrong.key, wrong.facts["field"]) == ("bad_field", field)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "nan"])
def test_a_number_that_is_none_is_refused(number: str):
    assert refusal(f'{{"kind": "green", "celsius": {number}}}').key in ("bad_json", "bad_field")


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b'{"kind": "green"} {}', b'{"kind": "\xff"}'])
def test_what_is_no_json_is_refused(raw: bytes):
    assert refusal(raw).key == "bad_json"


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,.0123456789kindgreecups -', max_size=60))
def test_no_input_gets_past_with_anything_but_a_command_or_a_refusal(raw: bytes | str):
    try:
        read = read_command(raw if isinstance(raw, bytes) else raw.encode(), OrderTea, "order_tea")
    except RefusedInput:
        return
    assert isinstance(read, OrderTea)


def test_who_asked_stands_with_role_name_and_by_what():
    by = Asker(Badge(Role.ED, "sister Li", hospital="songjiang"), origin="script").by
    assert (str(by), by.origin) == ("ed:sister Li", "script")


class OrderMeal(Command, frozen=True, kw_only=True):
    """Several things at once."""

    drinks: list[OrderTea] = msgspec.field(default_factory=list)
    wishes: dict[str, Any] = msgspec.field(default_factory=dict)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b'{"wishes": {}, "wishes": {}}', "wishes"),
        (b'{"drinks": [{"kind": "green"}, {"kind": "green", "cups": 1, "cups": 2}]}', "cups"),
        (b'{"wishes": {"a": {"b": 1, "\\u0062": 2}}}', "b"),
    ],
)
def test_a_name_that_is_given_twice_is_refused_wherever_it_stands(raw: bytes, name: str):
    with pytest.raises(RefusedInput) as caught:
        read_command(raw, OrderMeal, "order_meal")
    assert (caught.value.key, caught.value.facts["field"]) == ("bad_field", name)


def test_the_same_name_in_two_objects_is_no_repetition():
    told = read_command(b'{"drinks": [{"kind": "green"}, {"kind": "black"}]}', OrderMeal, "order_meal")
    assert isinstance(told, OrderMeal) and [one.kind for one in told.drinks] == ["green", "black"]


@pytest.mark.parametrize("deep", [100, 990, 5_000, 100_000])
def test_nesting_is_taken_or_refused_and_never_breaks(deep: int):
    raw = b'{"wishes": {"a": ' + b"[" * deep + b"]" * deep + b"}}"
    try:
        read_command(raw, OrderMeal, "order_meal")
    except RefusedInput as wrong:
        assert wrong.key == "bad_json" and deep > 100


def test_a_number_of_ten_thousand_digits_is_refused_in_words():
    with pytest.raises(RefusedInput):
        read_command(b'{"wishes": {"a": ' + b"9" * 10_000 + b"}}", OrderMeal, "order_meal")
