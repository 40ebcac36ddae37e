"""A sample holds only what was measured on this casualty."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ambulance_unit.sampling import own_cuff_only
from casebook.vitals import Vitals

ON = datetime(2021, 4, 18, 1, 34, 30, tzinfo=UTC)


def reading(at: datetime) -> Vitals:
    return Vitals(hr_bpm=120, sbp_mmhg=88, dbp_mmhg=54, map_mmhg=65, nibp_at=at)


def test_a_cuff_pressure_from_before_the_monitor_was_on_is_not_this_casualtys():
    kept = own_cuff_only(reading(ON - timedelta(seconds=90)), ON)
    assert kept == Vitals(hr_bpm=120)


def test_a_cuff_pressure_taken_since_stays_with_its_instant():
    taken = reading(ON + timedelta(seconds=30))
    assert own_cuff_only(taken, ON) == taken


def test_a_pressure_of_an_arterial_line_has_no_cuff_and_stays():
    line = Vitals(hr_bpm=120, sbp_mmhg=88, dbp_mmhg=54)
    assert own_cuff_only(line, ON) == line
