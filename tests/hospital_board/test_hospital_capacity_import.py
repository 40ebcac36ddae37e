"""Counts from another system: all rows or none, each with author and time; what is wrong is named by its line."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from ward_story import JINSHAN, SONGJIANG, START, after, enrolled, stated

from casebook import events as e
from casebook.errors import NotFound, RefusedInput
from casebook.words import LANGUAGES
from hospital_board.capacity_import import (
    COLUMNS,
    ROWS_MAX,
    CapacityRow,
    ImportCapacity,
    RowRefused,
    import_capacity,
    read_capacity,
)

HEAD = ",".join(COLUMNS)
THEN = "2021-04-18T09:29:00+08:00"  # a minute before START


def csv(*rows: str) -> tuple[CapacityRow, ...]:
    return read_capacity("\n".join([HEAD, *rows]) + "\n", json_text=False)


def taken(rows: tuple[CapacityRow, ...], picture=None, now=START) -> list[e.Event]:
    return import_capacity(picture or enrolled(), ImportCapacity(rows=rows, source="HIS"), now)


def refused(text: str, *, json_text: bool = False) -> str:
    """What is said of a file that cannot be taken, in English; in both languages every fact is there."""
    with pytest.raises(RefusedInput) as caught:
        taken(read_capacity(text, json_text=json_text))
    assert not [caught.value.said(language) for language in LANGUAGES if "?" in caught.value.said(language)]
    return caught.value.said("en")


def test_a_file_keeps_who_said_so_and_when():
    rows = csv(f"{SONGJIANG},resus_bay,2,5,,{THEN},sister Li", "", f"{JINSHAN},resuscitation,,,3,{THEN},doctor Wu")
    picture = after(enrolled(), 0, *taken(rows), by="dispatcher:desk 1")
    bay, treated = (picture.hospitals[h].figures[r] for h, r in ((SONGJIANG, "resus_bay"), (JINSHAN, "resuscitation")))
    assert (bay.free, bay.total, bay.by, bay.source) == (2, 5, "sister Li", "HIS")
    assert bay.at == START - timedelta(minutes=1) and bay.age_s(START) == 60
    assert (treated.free, treated.taken) == (None, 3)


def test_csv_and_json_say_the_same():
    one = {"hospital": SONGJIANG, "resource": "ct", "free": 1, "total": 2, "stated_at": THEN, "author": "Li"}
    from_csv = csv(f"{SONGJIANG},ct,1,2,,{THEN},Li")
    for text in (json.dumps([one]), json.dumps({"rows": [one | {"in_use": None}]}), "\ufeff" + json.dumps([one])):
        facts = taken(read_capacity(text, json_text=True))
        assert facts == taken(from_csv)


def test_an_empty_count_is_not_known_and_not_zero():
    (fact,) = taken(csv(f"{SONGJIANG},ct,,,,{THEN},Li"))
    assert isinstance(fact, e.CapacityReported) and fact.free is None


def test_a_row_older_than_what_stands_is_recorded_and_changes_nothing():
    picture = stated(enrolled(), 1, 5, seconds=0)
    facts = taken(csv(f"{SONGJIANG},resus_bay,4,5,,{THEN},Li"), picture)
    assert len(facts) == 1
    assert after(picture, 10, *facts).hospitals[SONGJIANG].figures["resus_bay"].free == 1


def test_the_same_file_twice_is_taken_once():
    rows = csv(f"{SONGJIANG},resus_bay,2,5,,{THEN},Li")
    assert taken(rows, after(enrolled(), 0, *taken(rows))) == []


def test_a_clock_a_little_ahead_is_put_right_and_the_future_is_refused():
    ahead = (START + timedelta(seconds=50)).isoformat()
    (fact,) = taken(csv(f"{SONGJIANG},ct,1,2,,{ahead},Li"))
    assert isinstance(fact, e.CapacityReported) and fact.stated_at == START
    tomorrow = (START + timedelta(days=1)).isoformat()
    assert "still to come" in refused(f"{HEAD}\n{SONGJIANG},ct,1,2,,{tomorrow},Li\n")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (f"{SONGJIANG},theatre,-1,2,,{THEN},Li", "-1 is impossible"),
        (f"{SONGJIANG},theatre,3,2,,{THEN},Li", "3 free of 2"),
        (f"{SONGJIANG},theatre,1,2,2,{THEN},Li", "1 free and 2 in use of 2"),
        (f"nowhere,ct,1,2,,{THEN},Li", "nowhere"),
        (f"{SONGJIANG},cinema,1,2,,{THEN},Li", "cinema"),
        (f"{SONGJIANG},resuscitation,1,,,{THEN},Li", "counts patients"),
        (f"{SONGJIANG},ct,one,2,,{THEN},Li", "'one'"),
        (f"{SONGJIANG},ct,1.5,2,,{THEN},Li", "'1.5'"),
        (f"{SONGJIANG},ct,1,2,,noon,Li", "stated_at"),
        (f"{SONGJIANG},ct,1,2,,2021-04-18T09:29:00,Li", "zone"),
        (f"{SONGJIANG},ct,1,2,,,Li", "stated_at"),
        (f"{SONGJIANG},ct,1,2,,{THEN},", "author"),
        (f"{SONGJIANG},ct,0,2,,{THEN},Li", "stated twice"),
    ],
)
def test_a_bad_row_is_named_by_its_line_and_nothing_is_taken(row: str, words: str):
    good = f"{SONGJIANG},ct,1,2,,{THEN},Wu"
    said = refused(f"{HEAD}\n{good}\n\n{row}\n")
    assert said.startswith("Line 4:") and words in said and "Nothing of the file was taken" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hospital,resource,free\n", "stated_at"),
        (f"{HEAD},colour\n", "colour"),
        (f"{HEAD},free\n", "stands twice"),
        (f"{HEAD}\n{SONGJIANG},ct\n", "line 2: 2 cells"),
        (f'{HEAD}\n"{SONGJIANG}\n', "malformed"),
        (f"{HEAD}\n", "0 rows"),
        ("", "0 rows"),
    ],
)
def test_a_file_of_the_wrong_shape_is_refused(text: str, words: str):
    assert words in refused(text)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{", "JSON"),
        ('{"rows": 3}', "a list"),
        ("[3]", "Line 1"),
        ('[{"hospital": "songjiang"}]', "Line 1"),
        ('[{"hospital": "songjiang", "resource": "ct", "freee": 1}]', "freee"),
        ("[" * 100_000, "JSON"),
    ],
)
def test_json_of_the_wrong_shape_is_refused(value: str, words: str):
    assert words in refused(value, json_text=True)


def test_too_many_rows_at_once_are_refused():
    row = CapacityRow(hospital=SONGJIANG, resource="ct", stated_at=START, author="Li")
    with pytest.raises(RefusedInput) as caught:
        taken((row,) * (ROWS_MAX + 1))
    assert caught.value.key == "import_size"


def test_a_refused_row_knows_what_it_was_refused_for():
    with pytest.raises(RowRefused) as caught:
        taken(csv(f"nowhere,ct,1,2,,{THEN},Li"))
    assert isinstance(caught.value.__cause__, NotFound) and caught.value.facts["line"] == 2
