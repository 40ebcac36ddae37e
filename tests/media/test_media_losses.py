"""What is asked for again, how often, and when nobody waits any more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.losses import HOLD_MAX_S, HOLD_MIN_S, OUTAGE_S, WORTH_ASKING_PACKETS, Losses
from media.numbering import unwrapped


def with_gap(*, rtt_s: float | None = None) -> Losses:
    """Packet 1 is missing since t = 1 s."""
    losses = Losses()
    losses.rtt_s = rtt_s
    losses.arrived(0, 1.0)
    losses.arrived(2, 1.0)
    return losses


def test_a_missing_packet_is_asked_for_at_once_and_again_each_round_trip() -> None:
    losses = with_gap(rtt_s=0.05)
    asked = [ms for ms in range(100) if losses.requests(1.0 + ms / 1000)]
    assert asked == [0, 60]


@pytest.mark.parametrize(
    ("rtt_s", "hold_s"), [(0.001, HOLD_MIN_S), (0.05, 0.125), (0.5, HOLD_MAX_S), (None, HOLD_MAX_S)]
)
def test_the_wait_is_two_round_trips_and_a_little_within_its_bounds(rtt_s: float | None, hold_s: float) -> None:
    losses = with_gap(rtt_s=rtt_s)
    assert losses.given_up(1.0 + hold_s - 0.001) == []
    assert losses.given_up(1.0 + hold_s) == [1] and losses.given_up(1.0 + hold_s) == []
    assert losses.requests(5.0) == [] and losses.next_at_s is None


def test_a_packet_that_comes_in_time_is_neither_asked_for_again_nor_given_up() -> None:
    losses = with_gap()
    losses.requests(1.0)
    losses.arrived(1, 1.04)
    assert losses.requests(1.2) == [] and losses.given_up(9.0) == []
    assert (losses.recovered, losses.lost, losses.rtt_s) == (1, 0, pytest.approx(0.04))


def test_an_answer_that_comes_too_late_still_tells_the_round_trip() -> None:
    losses = with_gap()
    losses.rtt_s = 0.5
    losses.requests(1.0)
    losses.given_up(1.3)
    losses.arrived(1, 1.4)
    assert losses.rtt_s == pytest.approx(0.5 - 0.1 / 8) and losses.recovered == 0


def test_behind_a_forwarder_the_wait_follows_what_answers_really_take() -> None:
    losses = Losses()
    losses.rtt_s = 0.001
    losses.arrived(0, 1.0)
    for seq in range(2, 60, 2):
        at_s = 1.0 + seq / 20
        losses.arrived(seq, at_s)
        losses.requests(at_s)
        losses.requests(at_s + 0.03)
        losses.arrived(seq - 1, at_s + 0.07)
    assert losses.rtt_s == 0.001 and losses.hold_s == pytest.approx(0.165)


def test_an_answer_to_one_of_two_requests_tells_nothing() -> None:
    losses = with_gap(rtt_s=0.05)
    losses.requests(1.0)
    losses.requests(1.061)
    losses.arrived(1, 1.07)
    assert losses.rtt_s == 0.05


def test_what_an_outage_swallowed_is_not_asked_for() -> None:
    wide = Losses()
    wide.arrived(0, 1.0)
    wide.arrived(WORTH_ASKING_PACKETS + 2, 1.1)
    long = Losses()
    long.arrived(0, 1.0)
    long.arrived(2, 1.0 + OUTAGE_S + 0.01)
    for losses in (wide, long):
        assert losses.requests(2.0) == [] and len(losses.given_up(2.0)) == 1
    assert wide.lost == WORTH_ASKING_PACKETS + 1 and long.lost == 1


@given(st.integers(0, 2**40), st.integers(-(2**15), 2**15 - 1))
def test_a_wrapped_number_is_read_as_the_nearest(near: int, step: int) -> None:
    assert unwrapped((near + step) & 0xFFFF, near, 16) == near + step


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 50)), min_size=1, max_size=60),
    st.one_of(st.none(), st.floats(0.0, 1.0)),
)
def test_whatever_comes_and_goes_the_waits_end_in_time_and_each_once(
    arrivals: list[tuple[int, int]], rtt_s: float | None
) -> None:
    losses, at_s, told, came = Losses(), 0.0, [], set()
    losses.rtt_s = rtt_s
    for seq, pause_ms in arrivals:
        at_s += pause_ms / 1000
        losses.arrived(seq, at_s)
        came.add(seq)
        told += losses.given_up(at_s)
        assert came.isdisjoint(losses.requests(at_s))
    told += losses.given_up(at_s + HOLD_MAX_S)
    assert len(told) == len(set(told)) and losses.next_at_s is None
