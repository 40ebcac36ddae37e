"""Live waves are dropped rather than queued, and only whole packets get through."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from media.wave_stream import WaveStream, WaveViewer
from media.waveforms import ChannelWave, Numerics, WaveKind, WavePacket, encode, encode_numerics

PACKET = encode(WavePacket(1, 0, (ChannelWave(WaveKind.ECG_II, 250, 0, np.zeros(10)),)))


class FakeChannel:
    """A channel with a dial: how many bytes it still holds."""

    def __init__(self, held: int = 0, state: str = "open") -> None:
        self.bufferedAmount, self.readyState = held, state
        self.sent: list[bytes | str] = []

    def send(self, data: bytes | str) -> None:
        self.sent.append(data)


class Source:
    ended = False


def stream_with(*channels: FakeChannel) -> tuple[WaveStream, list[WaveViewer]]:
    stream = WaveStream(lambda: 0.0, lambda source: None)
    viewers = [WaveViewer(channel, FakeChannel()) for channel in channels]
    for viewer in viewers:
        stream.attach(viewer)
    return stream, viewers


def numbers(casualty: str, seq: int) -> str:
    return encode_numerics(Numerics(casualty, seq, datetime(2021, 4, 18, tzinfo=UTC), {"hr_bpm": 100.0}))


def test_a_wave_reaches_every_viewer_untouched() -> None:
    one, two = FakeChannel(), FakeChannel()
    stream, _ = stream_with(one, two)
    stream.receive(Source(), PACKET)
    assert one.sent == two.sent == [PACKET]


def test_a_viewer_that_still_holds_more_than_a_packet_misses_this_one_and_the_others_do_not() -> None:
    full, free, closed = (
        FakeChannel(held=len(PACKET) + 1),
        FakeChannel(held=len(PACKET)),
        FakeChannel(state="connecting"),
    )
    stream, viewers = stream_with(full, free, closed)
    stream.receive(Source(), PACKET)
    assert (full.sent, free.sent, closed.sent) == ([], [PACKET], [])
    assert [viewer.dropped for viewer in viewers] == [1, 0, 1]


def test_a_malformed_packet_stops_here_and_is_counted() -> None:
    channel = FakeChannel()
    stream, _ = stream_with(channel)
    stream.receive(Source(), PACKET[:-1])
    stream.receive(Source(), "text")
    stream.receive_numerics(Source(), b"\xff")
    assert channel.sent == [] and stream.refused == 3 and stream.packets_in == 0


def test_who_opens_a_board_later_gets_the_latest_numbers_of_each_casualty() -> None:
    stream, (viewer,) = stream_with(FakeChannel())
    source = Source()
    for message in (numbers("c1", 1), numbers("c2", 2), numbers("c1", 3)):
        stream.receive_numerics(source, message)
    viewer.numerics.sent.clear()  # type: ignore[attr-defined]
    stream.greet(viewer)
    assert viewer.numerics.sent == [numbers("c1", 3), numbers("c2", 2)]  # type: ignore[attr-defined]


def test_numbers_of_a_vehicle_that_is_gone_greet_nobody() -> None:
    stream, (viewer,) = stream_with(FakeChannel())
    source = Source()
    stream.receive_numerics(source, numbers("c1", 1))
    stream.lose(source)
    viewer.numerics.sent.clear()  # type: ignore[attr-defined]
    stream.greet(viewer)
    assert viewer.numerics.sent == []  # type: ignore[attr-defined]
