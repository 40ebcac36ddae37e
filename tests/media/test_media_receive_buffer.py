"""Which frames reach the decoder, when, and what is asked for meanwhile: by hand, and over seeded bad links."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.losses import HOLD_MAX_S
from media.receive_buffer import CAPACITY_PACKETS, KEY_FRAME_AGAIN_S, Part, ReceiveBuffer

FRAME_S, PACKETS = 1 / 15, 3  # a frame of three packets, fifteen a second


def part(seq: int, *, key: bool = False, size: int = PACKETS) -> Part:
    """Packet `seq` of a stream in which every frame has `size` packets and says its number."""
    frame, place = divmod(seq, size)
    return Part(seq, frame * 6000, place == size - 1, key and place == 0, b"%d." % seq)


def frame_of(first: int, size: int = PACKETS) -> bytes:
    return b"".join(b"%d." % seq for seq in range(first, first + size))


def feed(buffer: ReceiveBuffer, *parts: Part, at_s: float = 0.0) -> list[bytes]:
    shown = []
    for one in parts:
        buffer.add(one, at_s)
        shown += [frame.body for frame in buffer.turn(at_s).frames]
    return shown


def test_a_frame_is_handed_over_with_its_last_packet() -> None:
    buffer = ReceiveBuffer()
    assert feed(buffer, part(0, key=True), part(1)) == []
    assert feed(buffer, part(2)) == [frame_of(0)]
    assert feed(buffer, part(5), part(3), part(4)) == [frame_of(3)]


def test_a_sender_without_markers_is_read_by_its_timestamps() -> None:
    buffer = ReceiveBuffer()
    unmarked = [Part(seq, seq // 2, False, seq == 0, b"%d." % seq) for seq in range(5)]
    assert feed(buffer, *unmarked) == [frame_of(0, 2), frame_of(2, 2)]


def test_nothing_is_shown_before_a_key_frame_and_one_is_asked_for_until_it_comes() -> None:
    buffer = ReceiveBuffer()
    assert feed(buffer, *(part(seq) for seq in range(6))) == []
    asked = [tenth for tenth in range(10) if buffer.turn(0.06 + tenth / 10).key_frame]
    assert asked == [0, 3, 6, 9] and buffer.key_frames_asked == 4 and pytest.approx(0.3) == KEY_FRAME_AGAIN_S
    assert feed(buffer, part(6, key=True), part(7), part(8), at_s=1.0) == [frame_of(6)]


def test_after_the_wait_everything_up_to_the_next_key_frame_is_skipped() -> None:
    buffer = ReceiveBuffer()
    feed(buffer, part(0, key=True), part(1), part(2), part(3), part(5), part(6), part(7), part(8))
    assert buffer.turn(0.0).ask == [] and buffer.losses.asked == 1
    turn = buffer.turn(buffer.losses.hold_s)
    assert turn.key_frame and turn.frames == [] and buffer.waits_for_key_frame
    assert feed(buffer, *(part(seq) for seq in range(9, 12)), at_s=0.2) == []
    assert feed(buffer, part(4), part(12, key=True), part(13), part(14), at_s=0.3) == [frame_of(12)]
    assert (buffer.skips, buffer.late) == (1, 1)


def test_a_key_frame_that_is_already_there_is_shown_as_soon_as_the_hole_before_it_is_given_up() -> None:
    buffer = ReceiveBuffer()
    feed(buffer, part(0, key=True), part(1), part(2), part(4), part(5))
    assert feed(buffer, part(6, key=True), part(7), part(8)) == []
    turn = buffer.turn(HOLD_MAX_S)
    assert [frame.body for frame in turn.frames] == [frame_of(6)] and not turn.key_frame


def test_a_key_frame_with_a_hole_that_stays_is_not_begun() -> None:
    buffer = ReceiveBuffer()
    feed(buffer, part(0), part(1), part(2), part(4), part(5))
    buffer.turn(HOLD_MAX_S)
    feed(buffer, part(3, key=True), part(6), part(7), part(8), at_s=0.3)
    feed(buffer, part(10), part(11), at_s=0.3)
    buffer.turn(0.3 + HOLD_MAX_S)
    assert feed(buffer, part(9, key=True), part(12), part(13), part(14), at_s=0.6) == []
    assert feed(buffer, part(15, key=True), part(16), part(17), at_s=0.7) == [frame_of(15)]


def test_an_outage_is_not_waited_for() -> None:
    buffer = ReceiveBuffer()
    feed(buffer, part(0, key=True), part(1), part(2))
    buffer.add(part(201), 3.0)
    turn = buffer.turn(3.0)
    assert turn.key_frame and turn.ask == []


def test_a_reader_that_fell_behind_begins_again_with_a_key_frame() -> None:
    buffer = ReceiveBuffer()
    feed(buffer, part(0, key=True), part(1))
    buffer.restart(0.0)
    assert buffer.turn(0.0).key_frame
    assert feed(buffer, part(2), part(3, key=True), part(4), part(5)) == [frame_of(3)]


def test_the_buffer_never_holds_more_than_its_capacity() -> None:
    buffer = ReceiveBuffer()
    for seq in range(1, 4 * CAPACITY_PACKETS):
        buffer.add(part(seq), 0.0)
        assert len(buffer._parts) <= CAPACITY_PACKETS


@dataclass
class Link:
    """A sender of three-packet frames and a link that loses and delays, both ways, by a seeded dial."""

    seed: int
    loss: float
    delay_s: float
    jitter_s: float
    frames: int = 90
    shown: list[tuple[float, int]] = field(default_factory=list)
    whole_at_s: dict[int, float] = field(default_factory=dict)

    def run(self) -> ReceiveBuffer:
        rng, buffer, keys = random.Random(self.seed), ReceiveBuffer(), {0}
        todo: list[tuple[float, int, str, int]] = []
        count = 0

        def plan(at_s: float, what: str, seq: int, *, lossy: bool = True) -> None:
            nonlocal count
            count += 1
            if not (lossy and rng.random() < self.loss):
                heapq.heappush(todo, (at_s, count, what, seq))

        def turn(at_s: float) -> None:
            said = buffer.turn(at_s)
            self.shown += [(at_s, frame.timestamp // 6000) for frame in said.frames]
            for seq in said.ask:
                plan(at_s + self.delay_s, "resend", seq)
            if said.key_frame:
                plan(at_s + self.delay_s, "make key", 0)
            if buffer.next_at_s is not None:
                plan(max(buffer.next_at_s, at_s + 0.001), "look", 0, lossy=False)

        for frame in range(self.frames):
            plan(frame * FRAME_S, "send", frame, lossy=False)
        wants_key = False
        while todo and todo[0][0] < self.frames * FRAME_S + 1:
            at_s, _, what, seq = heapq.heappop(todo)
            if what == "send":
                if wants_key:
                    keys.add(seq)
                    wants_key = False
                for one in range(seq * PACKETS, (seq + 1) * PACKETS):
                    plan(at_s + self.delay_s + rng.random() * self.jitter_s, "arrive", one)
            elif what == "resend":
                plan(at_s + self.delay_s + rng.random() * self.jitter_s, "arrive", seq)
            elif what == "make key":
                wants_key = True
            elif what == "arrive":
                buffer.add(part(seq, key=seq // PACKETS in keys), at_s)
                turn(at_s)
            else:
                turn(at_s)
        self.keys = keys
        return buffer


links = st.builds(
    Link, st.integers(0, 2**32), st.floats(0, 0.3), st.floats(0, 0.1), st.one_of(st.just(0.0), st.floats(0, 0.05))
)


@settings(max_examples=150, deadline=None)
@given(links)
def test_over_any_link_no_frame_is_shown_that_builds_on_one_that_was_not(link: Link) -> None:
    link.run()
    numbers = [frame for _, frame in link.shown]
    assert numbers == sorted(set(numbers))
    assert all(
        frame in link.keys or before == frame - 1 for before, frame in zip([-1, *numbers[:-1]], numbers, strict=True)
    )


@settings(max_examples=150, deadline=None)
@given(links)
def test_over_any_link_the_live_edge_is_never_held_longer_than_the_wait_and_a_key_frame(link: Link) -> None:
    """Older than the way, the longest wait and a frame: such a picture is skipped, however bad the link."""
    link.run()
    slack_s = link.delay_s + link.jitter_s + HOLD_MAX_S + 0.005
    for at_s, frame in link.shown:
        if frame not in link.keys and frame - 1 not in link.keys:
            assert at_s - frame * FRAME_S <= slack_s + link.jitter_s + FRAME_S + link.delay_s


def test_a_link_that_loses_nothing_shows_every_frame_and_asks_for_nothing() -> None:
    link = Link(seed=1, loss=0.0, delay_s=0.03, jitter_s=0.0)
    buffer = link.run()
    assert len(link.shown) == 90 and buffer.losses.asked == buffer.skips == buffer.key_frames_asked == 0
    assert all(at_s - frame * FRAME_S == pytest.approx(0.03) for at_s, frame in link.shown)


@pytest.mark.parametrize("seed", range(10))
def test_five_percent_loss_at_sixty_ms_round_trip_costs_few_frames(seed: int) -> None:
    link = Link(seed=seed, loss=0.05, delay_s=0.03, jitter_s=0.0, frames=300)
    buffer = link.run()
    assert len(link.shown) >= 280
    assert buffer.losses.rtt_s == pytest.approx(0.06, abs=0.01)
