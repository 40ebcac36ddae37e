"""Who gets which packet, under which number, and when the vehicle is asked for a key frame."""

from __future__ import annotations

import asyncio
import itertools

from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from media.aiortc_private import OutgoingPacket, packetize_vp8, starts_key_frame
from media.retransmission import Retransmission
from media.video_stream import KEY_FRAME_GAP_S, RECENT_PACKETS, RECENT_S, Splice, VideoStream, VideoViewer

OFTEN = 3
KEY, DELTA = b"\x00key", b"\x01delta"  # VP8: the lowest bit of the first byte is 0 in a key frame (RFC 6386 9.1)


class Source:
    """A publisher by its numbering; `ended` once another has taken its place."""

    def __init__(self, seq: int = 100, timestamp: int = 1000) -> None:
        self.seq, self.timestamp, self.ended = seq, timestamp, False

    def frame(self, coded: bytes = DELTA) -> RtpPacket:
        packet = RtpPacket(97, 1, self.seq & 0xFFFF, self.timestamp & 0xFFFFFFFF, 1, packetize_vp8(coded, 1)[0])
        self.seq, self.timestamp = self.seq + 1, self.timestamp + 6000
        return packet


class Stage:
    """A stream with a clock that is moved by hand and a count of the requests that reached the vehicle."""

    def __init__(self) -> None:
        self.now_s = 10.0
        self.asked = 0
        self.asked_often = asyncio.Event()
        self.sources: list[object] = []
        self.stream = VideoStream(lambda: self.now_s, self._sourced)

    def _sourced(self, source: object) -> None:
        for old in self.sources:
            old.ended = True  # type: ignore[attr-defined]
        self.sources.append(source)

    def viewer(self, room: int = 1000) -> tuple[VideoViewer, list[OutgoingPacket]]:
        got: list[OutgoingPacket] = []

        def offer(packet: OutgoingPacket) -> bool:
            if len(got) >= room:
                return False
            got.append(packet)
            return True

        viewer = VideoViewer(offer, Retransmission())
        self.stream.attach(viewer)
        self.stream.begin(viewer)
        return viewer, got

    def send(self, source: Source, *frames: bytes) -> None:
        for coded in frames:
            self.stream.receive(source, source.frame(coded), self._ask)

    def _ask(self) -> None:
        self.asked += 1
        if self.asked == OFTEN:
            self.asked_often.set()


async def test_a_viewer_gets_nothing_until_a_key_frame_begins_and_then_everything() -> None:
    stage, source = Stage(), Source()
    _, got = stage.viewer()
    stage.send(source, DELTA, DELTA, KEY, DELTA)
    assert [starts_key_frame(RtpPacket(payload=packet.payload)) for packet in got] == [True, False]
    assert stage.asked == 1


async def test_a_late_viewer_is_given_a_fresh_key_frame_and_all_that_followed_at_once() -> None:
    stage, source = Stage(), Source()
    stage.send(source, DELTA, KEY, DELTA, DELTA)
    _, got = stage.viewer()
    assert len(got) == 3 and stage.asked == 0
    stage.send(source, DELTA)
    assert {(after.seq - before.seq) & 0xFFFF for before, after in itertools.pairwise(got)} == {1} and len(got) == 4


async def test_a_late_viewer_is_never_given_the_past_or_what_has_a_hole() -> None:
    stage, source = Stage(), Source()
    stage.send(source, KEY, DELTA)
    stage.now_s += RECENT_S + 0.1
    _, past = stage.viewer()
    stage.send(source, DELTA)
    assert past == [] and stage.asked == 1
    stage.send(source, KEY)
    stage.now_s += 0.6
    stage.stream.gap()
    assert stage.asked == 2
    _, broken = stage.viewer()
    assert broken == [] and len(past) == 1


async def test_a_long_picture_group_is_not_kept_for_late_viewers() -> None:
    stage, source = Stage(), Source()
    stage.send(source, KEY, *[DELTA] * RECENT_PACKETS)
    _, got = stage.viewer()
    assert got == [] and stage.asked == 1


async def test_the_numbers_a_viewer_sees_have_no_hole_where_another_publisher_took_over() -> None:
    stage = Stage()
    _, got = stage.viewer()
    stage.send(Source(seq=65_530), KEY, *[DELTA] * 9)  # wraps on the way
    stage.now_s += 3
    stage.send(Source(seq=7, timestamp=2**32 - 5), DELTA, KEY, DELTA)
    steps = {(after.seq - before.seq) & 0xFFFF for before, after in itertools.pairwise(got)}
    assert len(got) == 12 and steps == {1}
    pause = (got[10].timestamp - got[9].timestamp) & 0xFFFFFFFF
    assert pause == 3 * 90_000 + 6000


async def test_a_replaced_publisher_that_still_sends_is_not_heard() -> None:
    stage, old, new = Stage(), Source(), Source(seq=9000)
    _, got = stage.viewer()
    stage.send(old, KEY)
    stage.send(new, KEY)
    stage.send(old, KEY, DELTA)
    assert len(got) == 2 and stage.sources == [old, new]


async def test_a_late_packet_keeps_its_place() -> None:
    stage, source = Stage(), Source()
    _, got = stage.viewer()
    stage.send(source, KEY)
    late = source.frame()
    stage.send(source, DELTA)
    stage.stream.receive(source, late, stage._ask)
    assert [(packet.seq - got[0].seq) & 0xFFFF for packet in got] == [0, 2, 1]


async def test_a_viewer_whose_queue_is_full_skips_to_the_next_key_frame_and_no_other_viewer_notices() -> None:
    stage, source = Stage(), Source()
    slow, taken = stage.viewer(room=2)
    _, all_of_it = stage.viewer()
    stage.send(source, KEY, DELTA, DELTA, DELTA)
    last = taken[-1].seq
    taken.clear()
    stage.send(source, DELTA, KEY, DELTA)
    assert len(all_of_it) == 7
    assert slow.skips == 1 and len(taken) == 2 and (taken[0].seq - last) & 0xFFFF == 1


async def test_many_viewers_asking_at_once_cost_the_vehicle_one_key_frame() -> None:
    stage, source = Stage(), Source()
    stage.send(source, KEY)
    for _ in range(8):
        stage.viewer()
        stage.stream.want_key_frame()
    assert stage.asked == 1


async def test_a_request_soon_after_another_waits_its_turn_and_an_unheard_one_is_repeated() -> None:
    loop = asyncio.get_running_loop()
    stage, source = Stage(), Source()
    stage.stream = VideoStream(loop.time, stage._sourced)
    stage.viewer()
    began_s = loop.time()
    stage.send(source, DELTA)
    assert stage.asked == 1
    await asyncio.wait_for(stage.asked_often.wait(), 20)
    assert loop.time() - began_s >= (OFTEN - 1) * KEY_FRAME_GAP_S - 0.05
    stage.stream.close()


numbers = st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=80)


@given(st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1), st.lists(st.integers(-40, 60), max_size=100))
def test_spliced_numbers_keep_every_distance_through_any_wrap(seq: int, timestamp: int, steps: list[int]) -> None:
    splice, source = Splice(), object()
    first = splice.place(source, seq, timestamp, 0.0)
    walked = 0
    for step in steps:
        walked = max(walked + step, splice.highest_seq - first[0] - 1000)
        placed = splice.place(source, (seq + walked) & 0xFFFF, (timestamp + walked * 3000) & 0xFFFFFFFF, 0.0)
        assert placed == (first[0] + walked, first[1] + walked * 3000)


@given(st.lists(st.tuples(st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1)), min_size=2, max_size=20))
def test_each_new_publisher_continues_right_after_the_last(starts: list[tuple[int, int]]) -> None:
    splice, last = Splice(), None
    for at_s, (seq, timestamp) in enumerate(starts):
        placed = splice.place(object(), seq, timestamp, float(at_s))
        if last is not None:
            assert placed[0] == last[0] + 1 and placed[1] - last[1] == 90_000
        last = placed
