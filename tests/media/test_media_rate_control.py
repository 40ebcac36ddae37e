"""How many bits the camera may send, how they are spread over time, and that the encoder follows at once."""

from __future__ import annotations

import fractions

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.camera_source import DrawnSource
from media.encoder import Vp8Encoder
from media.pacer import AT_ONCE_S, PACE, Pacer
from media.rate_control import BitRate, RateControl

BOUNDS = BitRate(start_bps=700_000, floor_bps=150_000, ceiling_bps=800_000)


def test_the_receivers_estimate_is_a_ceiling_within_the_bounds() -> None:
    rate = RateControl(BOUNDS)
    told = []
    for bps in (5_000_000, 500_000, 20_000):
        rate.estimated(bps)
        told.append(rate.target_bps)
    assert told == [700_000, 500_000, 150_000] and rate.carries_bps == 20_000
    rate.rest()
    assert rate.carries_bps is None and rate.target_bps == 150_000


def test_heavy_loss_lowers_the_target_light_loss_holds_it_and_none_raises_it() -> None:
    rate = RateControl(BOUNDS)
    rate.reported(0.4)
    assert rate.target_bps == 560_000
    rate.reported(0.05)
    assert rate.target_bps == 560_000
    rate.reported(0.0)
    assert rate.target_bps == 604_800


def test_loss_lowers_what_is_sent_not_what_might_be() -> None:
    rate = RateControl(BOUNDS)
    rate.estimated(500_000)
    rate.reported(0.5)
    assert rate.target_bps == 375_000


def test_an_estimate_that_falls_at_once_is_said_and_taken_for_the_mean_that_it_is() -> None:
    rate = RateControl(BOUNDS)
    assert [rate.estimated(bps) for bps in (800_000, 500_000, 340_000)] == [False, False, True]
    assert rate.target_bps == 170_000
    assert not rate.estimated(330_000) and rate.target_bps == 170_000
    for _ in range(8):
        rate.reported(0.0)
    assert rate.target_bps > 300_000


def test_at_the_floor_no_estimate_is_a_fall_any_more() -> None:
    rate = RateControl(BOUNDS)
    assert [rate.estimated(50_000) for _ in range(3)] == [True, False, False]


@given(st.lists(st.one_of(st.floats(0, 1), st.integers(0, 10**9)), max_size=50))
def test_no_report_moves_the_target_out_of_its_bounds_and_good_ones_bring_it_back(reports: list[float | int]) -> None:
    rate = RateControl(BOUNDS)
    for report in reports:
        rate.estimated(report) if isinstance(report, int) else rate.reported(report)
        assert BOUNDS.floor_bps <= rate.target_bps <= BOUNDS.ceiling_bps
    rate.estimated(10**9)
    for _ in range(23):
        rate.reported(0.0)
    assert rate.target_bps == BOUNDS.ceiling_bps


def test_a_usual_frame_passes_at_once_and_a_large_one_is_spread() -> None:
    pacer, usual = Pacer(), range(5)  # 5 x 1200 bytes: less than 100 ms at 700 kbit/s
    for _ in usual:
        assert pacer.wait_s(1.0) == 0
        pacer.sent(1200, 700_000, 1.0)
    for _ in range(20):
        pacer.sent(1200, 700_000, 1.0)
    assert pacer.wait_s(1.0) == pytest.approx(25 * 1200 * 8 / (PACE * 700_000) - AT_ONCE_S)


@given(st.lists(st.integers(1, 1300), min_size=1, max_size=200), st.integers(100_000, 3_000_000))
def test_what_leaves_in_any_time_is_bounded_by_the_pace(sizes: list[int], rate_bps: int) -> None:
    pacer, at_s, bits = Pacer(), 0.0, 0
    for size_bytes in sizes:
        at_s += pacer.wait_s(at_s)
        bits += size_bytes * 8
        pacer.sent(size_bytes, rate_bps, at_s)
        assert bits <= PACE * rate_bps * (at_s + AT_ONCE_S) + 1300 * 8 + 1


def kbps_of(encoder: Vp8Encoder, first: int, target_bps: int, *, frames: int = 45, fps: int = 15) -> tuple[float, int]:
    """kbit/s of the last two thirds of so many frames, and how many of all were key frames."""
    source, sizes, keys = DrawnSource(640, 360), [], 0
    for number in range(first, first + frames):
        frame = av.VideoFrame.from_ndarray(source.picture(number / fps), format="yuv420p")
        frame.pts, frame.time_base = number * 90_000 // fps, fractions.Fraction(1, 90_000)
        payloads, timestamp = encoder.encode(frame, target_bps)
        assert timestamp == number * 90_000 // fps
        keys += not payloads[0][4] & 1  # after the four bytes of the payload descriptor
        sizes.append(sum(len(payload) for payload in payloads))
    settled = sizes[frames // 3 :]
    return sum(settled) * 8 * fps / len(settled) / 1000, keys


def test_the_encoder_follows_every_change_of_rate_and_only_its_first_frame_is_a_key_frame() -> None:
    encoder, keys = Vp8Encoder(BOUNDS), 0
    for turn, kbps in enumerate((700, 150, 800, 300)):
        got_kbps, more_keys = kbps_of(encoder, turn * 45, kbps * 1000)
        keys += more_keys
        assert got_kbps == pytest.approx(kbps, rel=0.25)
    assert keys == 1


def test_a_key_frame_after_a_pause_is_no_larger_than_without_one() -> None:
    sizes = []
    for pause in (1, 45):
        source, encoder = DrawnSource(640, 360, seed=1), Vp8Encoder(BOUNDS)
        for number in (*range(30), 29 + pause):
            frame = av.VideoFrame.from_ndarray(source.picture(number / 15), format="yuv420p")
            frame.pts, frame.time_base = number * 6000, fractions.Fraction(1, 90_000)
            payloads, _ = encoder.encode(frame, 200_000, key_frame=number > 29)
        sizes.append(sum(map(len, payloads)))
    assert sizes[1] <= 1.5 * sizes[0]


def test_the_rate_holds_at_any_frame_rate() -> None:
    assert kbps_of(Vp8Encoder(BOUNDS), 0, 200_000, fps=8)[0] == pytest.approx(200, rel=0.25)
