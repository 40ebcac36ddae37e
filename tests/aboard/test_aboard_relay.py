"""A vehicle behind a bad link: TCP comes whole and in order, late; silence holds everything back and cuts nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from aboard.relay import Line, Relay, read_line, repairs
from casebook.errors import RefusedInput

pytestmark = pytest.mark.sockets


class Hub:
    """Keeps what it hears and answers what it is told to, when a whole line has come."""

    def __init__(self, answer: Callable[[bytes], bytes] = lambda heard: heard) -> None:
        self.heard, self.answer, self.connections, self.ended = b"", answer, 0, asyncio.Event()
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Hub]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while piece := await reader.read(65536):
            self.heard += piece
            writer.write(self.answer(piece))
        self.ended.set()
        writer.close()


@asynccontextmanager
async def behind(hub: Hub, line: Line) -> AsyncIterator[tuple[Relay, asyncio.StreamReader, asyncio.StreamWriter]]:
    async with hub.running(), Relay(f"http://127.0.0.1:{hub.port}", *line.ways(7)).running() as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(relay.url.rpartition(":")[2]))
        yield relay, reader, writer
        writer.close()


async def test_what_is_said_over_a_lossy_link_comes_whole_and_in_order_both_ways() -> None:
    said = random.Random(1).randbytes(200_000)
    async with behind(hub := Hub(), Line(loss=0.05, delay_s=0.005)) as (_, reader, writer):
        writer.write(said)
        assert await reader.readexactly(len(said)) == said == hub.heard
        writer.write_eof()
        assert await reader.read() == b""
        await hub.ended.wait()


async def test_while_the_link_is_silent_nothing_passes_and_then_all_of_it_on_the_same_connection() -> None:
    async with behind(hub := Hub(), Line()) as (relay, reader, writer):
        writer.write(b"before ")
        assert await reader.readexactly(7) == b"before "
        relay.silent = True
        writer.write(b"meanwhile ")
        await asyncio.sleep(0.3)  # as long as one would wait for an answer
        assert hub.heard == b"before "
        relay.silent = False
        writer.write(b"after")
        assert await reader.readexactly(15) == b"meanwhile after"
        assert hub.heard == b"before meanwhile after" and hub.connections == 1


async def test_a_hub_that_is_gone_ends_the_connection_and_the_next_one_is_tried_anew() -> None:
    hub = Hub()
    async with hub.running():
        pass
    async with Relay(f"http://127.0.0.1:{hub.port}", *Line().ways(1)).running() as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(relay.url.rpartition(":")[2]))
        assert await reader.read() == b""
        writer.close()


async def test_both_descriptions_of_a_session_name_the_relay_and_keep_their_true_length() -> None:
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.createDataChannel("waves")
    await pc.setLocalDescription(await pc.createOffer())
    offer = pc.localDescription.sdp.encode()
    await pc.close()
    sdp = b"Content-Type: application/sdp\r\n"
    answer = b"HTTP/1.1 201 Created\r\n" + sdp + b"Content-Length: %d\r\n\r\n%b" % (len(offer), offer)
    async with behind(hub := Hub(lambda heard: b"" if _is_part(hub.heard) else answer), Line()) as (_, reader, writer):
        writer.write(b"POST /api/v1/media/whip/A01 HTTP/1.1\r\n" + sdp + b"Content-Length: %d\r\n\r\n" % len(offer))
        await writer.drain()
        for part in (offer[:100], offer[100:]):  # the body comes in pieces
            writer.write(part)
            await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        told = await reader.readexactly(_length(head))
    asked_head, _, asked = hub.heard.partition(b"\r\n\r\n")
    assert len(asked) == _length(asked_head)
    for given, shown in ((offer, asked), (offer, told)):
        candidates = [line for line in shown.splitlines() if line.startswith(b"a=candidate")]
        assert candidates and all(b" 127.0.0.1 " in line for line in candidates)
        others = [line for line in shown.splitlines() if not line.startswith(b"a=candidate")]
        assert others == [line for line in given.splitlines() if not line.startswith(b"a=candidate")]
    assert set(_ports(asked)).isdisjoint(_ports(offer) + _ports(told))


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])


def _is_part(message: bytes) -> bool:
    head, _, body = message.partition(b"\r\n\r\n")
    return len(body) < _length(head)


def _ports(sdp: bytes) -> list[bytes]:
    return [line.split()[5] for line in sdp.splitlines() if line.startswith(b"a=candidate")]


def test_a_piece_is_sent_again_until_all_of_it_is_there() -> None:
    assert repairs(100_000, 0.0, random.Random(1)) == 0 == repairs(0, 0.5, random.Random(1))
    rounds = [repairs(1000, 0.25, random.Random(seed)) for seed in range(2000)]
    assert sum(rounds) / len(rounds) == pytest.approx(0.25 / 0.75, abs=0.05)
    assert rounds == [repairs(1000, 0.25, random.Random(seed)) for seed in range(2000)]


def test_a_link_is_told_in_words() -> None:
    assert read_line("loss=5,delay=60") == Line(0.05, 0.06)
    assert read_line("delay=60") == Line(0.0, 0.06)
    assert read_line("rate=600") == Line(rate_bps=600_000)
    for words in (
        "",
        "loss",
        "loss=x",
        "loss=51",
        "loss=-1",
        "loss=5,loss=5",
        "jitter=3",
        "loss=5;delay=3",
        "loss=nan",
    ):
        with pytest.raises(RefusedInput) as refused:
            read_line(words)
        assert refused.value.key == "drill_link"


def test_what_is_never_dropped_waits_for_its_turn_behind_all_else() -> None:
    way, _ = Line(rate_bps=80_000).ways(1)
    assert [way.turn_s(1000, 0.0), way.turn_s(1000, 0.05), way.turn_s(1000, 9.0)] == pytest.approx([0.1, 0.15, 0.1])
    assert way.deliver_at_s(1000, 9.0) == pytest.approx(9.2)
    assert Line().ways(1)[0].turn_s(10**9, 0.0) == 0.0


def test_each_vehicle_has_losses_of_its_own_and_the_same_ones_each_time() -> None:
    line = Line(loss=0.3)
    ways = [*line.ways(1), *line.ways(2)]
    lost = [[way.deliver_at_s(100, 0.0) is None for _ in range(100)] for way in ways]
    assert len({tuple(one) for one in lost}) == 4
    again = line.ways(1)[0]
    assert lost[0] == [again.deliver_at_s(100, 0.0) is None for _ in range(100)]
