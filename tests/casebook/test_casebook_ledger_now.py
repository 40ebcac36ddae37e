"""The ledger that runs along says at every moment what the whole log would say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casebook import events as e
from casebook import ledger_now
from casebook.ledger import ledger
from casebook.ledger_now import LedgerNow
from casebook.log import By, Draft, Entry, MemoryLog, Source

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
CREW = By("paramedic", "A01")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def sample(seconds: float, seq: int = 1, casualty: str = "I1-A", unit: str = "A01") -> Draft:
    body = {"casualty": casualty, "unit": unit, "vitals": {"hr_bpm": 90}}
    return Draft(e.VitalsRecorded.name, 1, body, at(seconds), at(seconds), CREW, Source(unit, "e", seq))


def count(until: float, sampled: int, *, since: float = 0, unstored: int = 0, waiting: int = 0) -> Draft:
    fact = e.SamplesCounted("A01", "I1-A", at(since), at(until), sampled, unstored, 0, waiting)
    return Draft(fact.name, 1, e.encode(fact), at(until), at(until), CREW)


def logged(*drafts: Draft) -> list[Entry]:
    return MemoryLog().append(drafts)


def heard(*drafts: Draft) -> LedgerNow:
    now = LedgerNow()
    now.hear(logged(*drafts))
    return now


def told(*drafts: Draft) -> dict:
    view = heard(*drafts).view("I1-A")
    assert view is not None
    return view


SAMPLES = [sample(second, seq=second + 1) for second in range(10)]


def test_of_somebody_whom_nobody_sampled_nothing_is_said():
    assert heard(*SAMPLES).view("I1-B") is None


def test_until_a_vehicle_has_counted_nothing_is_called_complete():
    assert told(*SAMPLES) == {"state": "counting", "waiting": 0, "lost": 0, "pauses_s": 0, "until": None}


def test_what_was_counted_and_is_all_here_is_complete_as_far_as_it_was_counted():
    assert told(*SAMPLES, count(9, 10)) == {
        "state": "complete", "waiting": 0, "lost": 0, "pauses_s": 0, "until": at(9),
    }  # fmt: skip


def test_what_the_vehicle_still_keeps_waits_and_what_it_keeps_no_more_is_lost():
    missing = SAMPLES[:3] + SAMPLES[6:]
    waits = told(*missing, count(9, 10, waiting=12))
    assert (waits["state"], waits["waiting"], waits["lost"], waits["pauses_s"]) == ("waiting", 3, 0, 4)
    lost = told(*missing, count(9, 10))
    assert (lost["state"], lost["waiting"], lost["lost"]) == ("lost", 0, 3)
    behind = told(*missing, count(9, 10, waiting=12), *SAMPLES[3:6])
    assert (behind["state"], behind["pauses_s"]) == ("complete", 0), "the history closed the pause"


def test_what_a_vehicles_disk_did_not_take_is_lost_at_once():
    assert told(*SAMPLES, count(9, 12, unstored=2, waiting=5))["lost"] == 2


def test_a_later_count_of_the_same_stretch_takes_the_place_of_the_earlier():
    view = told(*SAMPLES[:5], count(4, 5), *SAMPLES[5:], count(9, 10))
    assert (view["state"], view["until"]) == ("complete", at(9))


def test_a_casualty_in_two_vehicles_is_told_of_both():
    other = [sample(second, seq=second, unit="H1") for second in range(20, 23)]
    tally = heard(*SAMPLES, *other, count(9, 11, waiting=1)).find("I1-A")
    assert tally is not None and (tally.committed, tally.missing, tally.waiting) == (13, 1, 1)


def test_who_was_not_heard_of_for_longest_is_forgotten_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ledger_now, "KEPT", 2)
    now = heard(sample(0, 1, "I1-A"), sample(1, 2, "I1-B"), sample(2, 3, "I1-A"), sample(3, 4, "I1-C"))
    assert [now.find(one) is not None for one in ("I1-A", "I1-B", "I1-C")] == [True, False, True]


def test_the_view_is_the_same_object_until_it_says_something_else():
    now = heard(sample(0, 1), sample(1, 2))
    first = now.view("I1-A")
    now.hear(logged(sample(2, 3)))
    assert first is not None and now.view("I1-A") is first
    now.hear(logged(sample(12, 4)))
    assert now.view("I1-A") == first | {"pauses_s": 10} and first["pauses_s"] == 0
    assert now.view("I1-A") == now.find("I1-A").as_view()  # type: ignore[union-attr]


@settings(max_examples=80)
@given(
    st.lists(st.integers(0, 60), unique=True, max_size=40),
    st.integers(0, 59),
    st.integers(1, 60),
    st.integers(0, 5),
    st.integers(0, 3),
)
def test_in_whatever_order_samples_come_it_agrees_with_the_whole_log(
    seconds: list[int], since: int, span: int, more: int, waiting: int
):
    samples = [sample(second, seq=number) for number, second in enumerate(seconds, start=1)]
    within = sum(since <= second <= since + span for second in seconds)
    entries = logged(*samples, count(since + span, within + more, since=since, waiting=waiting))
    now = LedgerNow()
    now.hear(entries)
    (line,), tally = ledger(entries), now.find("I1-A")
    assert tally is not None and line.counted is not None
    assert (tally.committed, tally.missing) == (line.committed, line.counted.missing)
    assert tally.pauses_s == pytest.approx(sum(line.gaps_s))
    assert tally.lost == (line.counted.lost or 0) and tally.waiting == tally.missing - tally.lost


def over(seconds: float, casualty: str = "I1-A") -> Draft:
    fact = e.HandoverCompleted(casualty, "songjiang")
    return Draft(fact.name, 1, e.encode(fact), at(seconds), at(seconds), By("desk", "ward"))


def test_after_a_case_what_comes_late_still_counts_until_no_wall_shows_it():
    late, while_s = SAMPLES[:3] + SAMPLES[6:], ledger_now.KEPT_AFTER.total_seconds()
    now = heard(*late, count(9, 10, waiting=3), over(10))
    now.hear(logged(*SAMPLES[3:6], over(9 + while_s, "I1-B")))
    assert now.view("I1-A") == {"state": "complete", "waiting": 0, "lost": 0, "pauses_s": 0, "until": at(9)}
    now.hear(logged(sample(20, 1, "I1-C"), over(10 + while_s, "I1-B")))
    assert now.find("I1-A") is None and now.view("I1-A") is None and now.find("I1-C") is not None
    assert [one().casualty for one in now.kept()] == ["I1-C"]


def test_a_start_from_what_was_kept_forgets_at_the_same_time():
    while_s, before = ledger_now.KEPT_AFTER.total_seconds(), heard(*SAMPLES, over(10))
    now = LedgerNow()
    now.take([one() for one in before.kept()])
    for seconds in (9 + while_s, 10 + while_s):
        for one in (before, now):
            one.hear(logged(over(seconds, "I1-B")))
        assert (before.find("I1-A") is None) == (now.find("I1-A") is None) == (seconds == 10 + while_s)
