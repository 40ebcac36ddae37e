"""Waves come out as they went in; anything else is refused."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casebook.errors import RefusedInput
from media.waveforms import (
    NUMERICS_BYTES_MAX,
    ChannelWave,
    Numerics,
    SequenceLedger,
    WaveKind,
    WavePacket,
    decode,
    decode_numerics,
    encode,
    encode_numerics,
)

signal = st.one_of(st.floats(-3.2, 3.2), st.just(math.nan))
channels = st.builds(
    ChannelWave,
    kind=st.sampled_from(WaveKind),
    rate_hz=st.integers(1, 2000),
    first_index=st.integers(0, 2**32 - 1),
    samples=st.lists(signal, max_size=24).map(np.array),
)
packets = st.builds(
    WavePacket,
    sequence=st.integers(0, 2**32 - 1),
    start_ms=st.integers(0, 2**63),
    channels=st.lists(channels, max_size=12).map(tuple),
)


@given(packets)
def test_a_packet_comes_out_as_it_went_in_to_half_a_step(packet: WavePacket) -> None:
    back = decode(encode(packet))
    assert (back.sequence, back.start_ms) == (packet.sequence, packet.start_ms)
    for got, put in zip(back.channels, packet.channels, strict=True):
        assert (got.kind, got.rate_hz, got.first_index) == (put.kind, put.rate_hz, put.first_index)
        assert len(got.samples) == len(put.samples)
        np.testing.assert_allclose(got.samples, put.samples, atol=put.kind.scale * 0.51)


def test_no_signal_stays_no_signal_and_is_never_zero() -> None:
    wave = ChannelWave(WaveKind.ECG_II, 250, 0, np.array([0.0, math.nan, 0.5]))
    samples = decode(encode(WavePacket(1, 0, (wave,)))).channels[0].samples
    assert samples[0] == 0 and math.isnan(samples[1]) and samples[2] == pytest.approx(0.5, abs=1e-3)


def test_a_value_beyond_the_scale_is_held_at_its_end_and_is_not_no_signal() -> None:
    wave = ChannelWave(WaveKind.ECG_II, 250, 0, np.array([-1e9, 1e9, math.inf]))
    samples = decode(encode(WavePacket(1, 0, (wave,)))).channels[0].samples
    np.testing.assert_allclose(samples, [-32.767, 32.767, 32.767], rtol=1e-6)


def test_twelve_leads_at_500_hz_fit_into_one_packet_of_40_ms() -> None:
    leads = tuple(ChannelWave(kind, 500, 0, np.zeros(20)) for kind in list(WaveKind)[:12])
    assert len(decode(encode(WavePacket(0, 0, leads))).channels) == 12


@given(packets, st.data())
def test_a_packet_cut_anywhere_is_refused(packet: WavePacket, data: st.DataObject) -> None:
    message = encode(packet)
    with pytest.raises(RefusedInput) as refused:
        decode(message[: data.draw(st.integers(0, len(message) - 1))])
    assert refused.value.key == "waves_malformed"


@given(st.binary(max_size=1400))
def test_noise_is_refused_or_decodes_and_never_crashes(noise: bytes) -> None:
    for message in (noise, b"AW\x01" + noise):
        try:
            decode(message)
        except RefusedInput as refused:
            assert refused.said("zh") and refused.said("en")


def test_numerics_come_out_as_they_went_in() -> None:
    numerics = Numerics("c1", 7, datetime(2021, 4, 18, 1, 35, tzinfo=UTC), {"hr_bpm": 118.0, "spo2_pct": None})
    assert decode_numerics(encode_numerics(numerics)) == numerics


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_numerics_never_carry_nan_or_infinity(bad: float) -> None:
    with pytest.raises(ValueError):
        encode_numerics(Numerics("c1", 1, datetime.now(UTC), {"hr_bpm": bad}))


@pytest.mark.parametrize(
    "message",
    [
        "",
        "[]",
        "{}",
        "nonsense",
        '{"casualty":"c","seq":1,"at":"2021-04-18T09:30:00","values":{}}',
        '{"casualty":"c","seq":1,"at":"2021-04-18T09:30:00Z","values":{"hr_bpm":NaN}}',
        '{"casualty":"c","seq":1,"at":"2021-04-18T09:30:00Z","values":{"hr_bpm":1e999}}',
        '{"casualty":"c","seq":1,"at":"2021-04-18T09:30:00Z","values":{"hr_bpm":"fast"}}',
        "[" * 4000,
        '"' + "x" * NUMERICS_BYTES_MAX + '"',
        b"\xff\xfe",
    ],
)
def test_malformed_numerics_are_refused(message: str | bytes) -> None:
    with pytest.raises(RefusedInput) as refused:
        decode_numerics(message)
    assert refused.value.key == "numerics_malformed"


@given(st.permutations(range(40)), st.sets(st.integers(1, 38)))
def test_the_ledger_counts_losses_in_whatever_order_packets_come(order: list[int], gone: set[int]) -> None:
    ledger = SequenceLedger()
    ledger.add(0)
    for sequence in order:
        if sequence not in gone and sequence != 0:
            ledger.add(sequence)
    assert (ledger.received, ledger.lost) == (40 - len(gone), len(gone))


def test_a_sender_that_begins_anew_is_not_a_loss() -> None:
    ledger = SequenceLedger()
    for sequence in (500_000, 500_001, 0, 1, 2):
        ledger.add(sequence)
    assert (ledger.received, ledger.lost) == (5, 0)
