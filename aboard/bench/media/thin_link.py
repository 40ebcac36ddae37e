"""A bad link between a vehicle and the hub: a real UDP relay with a seeded dial for loss, delay, rate and silence.

It sits in the client's HTTP transport: the candidates in the offer and in the answer are replaced by the relay's, so
that all media pass through it. Each direction has its own `Way`; HTTP itself passes untouched, or, `whole`, waits while
either way is silent, as a TCP connection does. A vehicle that is a process of its own is put behind `aboard/relay.py`.
"""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import dataclass, field

import httpx

_CANDIDATE = re.compile(rb"(a=candidate:\S+ \d+ udp \d+ )(\S+) (\d+)( typ host)", re.IGNORECASE)
SYN_S = (1.0, 2.0, 4.0)  # Linux sends a SYN again after 1, 3 and 7 s (RFC 6298 section 2, tcp_syn_retries)
Address = tuple[str, int]


@dataclass
class Way:
    """One direction. `queue_s`: how long a packet may wait for its turn on a link of `rate_bps`; else it is dropped.

    `burst`: how likely a run of losses begins with a packet, and how likely it ends with one (Gilbert); within it all
    are lost.
    """

    seed: int = 1
    loss: float = 0.0
    delay_s: float = 0.0
    jitter_s: float = 0.0
    rate_bps: float | None = None
    queue_s: float = 0.3
    burst: tuple[float, float] | None = None
    silent: bool = False
    passed_bytes: int = 0
    offered_bytes: int = 0
    dropped: int = 0
    _rng: random.Random = field(init=False)
    _free_at_s: float = 0.0
    _in_burst: bool = False

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)

    def deliver_at_s(self, size_bytes: int, at_s: float) -> float | None:
        """When a packet that enters now comes out, or None when it never does."""
        self.offered_bytes += size_bytes
        lost = self._rng.random() < self.loss or self._bursts()
        late_s = self.delay_s + self._rng.random() * self.jitter_s
        if self.rate_bps:
            self._free_at_s = max(self._free_at_s, at_s)
            if self._free_at_s - at_s > self.queue_s:
                lost = True
            elif not (lost or self.silent):
                self._free_at_s += size_bytes * 8 / self.rate_bps
                late_s += self._free_at_s - at_s
        if lost or self.silent:
            self.dropped += 1
            return None
        self.passed_bytes += size_bytes
        return at_s + late_s

    def turn_s(self, size_bytes: int, at_s: float) -> float:
        """How long what enters now, and is never dropped, waits for its turn and passes, on a link of `rate_bps`."""
        if not self.rate_bps:
            return 0.0
        self._free_at_s = max(self._free_at_s, at_s) + size_bytes * 8 / self.rate_bps
        return self._free_at_s - at_s

    def _bursts(self) -> bool:
        if self.burst is None:
            return False
        begins, ends = self.burst
        self._in_burst = self._rng.random() >= ends if self._in_burst else self._rng.random() < begins
        return self._in_burst


class Side(asyncio.DatagramProtocol):
    """One socket of the relay: what it hears leaves from `other` to `target`, as late as `way` says."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.target: Address | None = None
        self.other: Side | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    @property
    def address(self) -> Address:
        return self.transport.get_extra_info("sockname")[:2]

    def datagram_received(self, data: bytes, addr: Address) -> None:
        loop = asyncio.get_running_loop()
        at_s = self.way.deliver_at_s(len(data) + 28, loop.time())  # IPv4 and UDP headers
        if at_s is not None:
            loop.call_at(at_s, self._pass, data)

    def _pass(self, data: bytes) -> None:
        assert self.other is not None
        if self.target is not None and not self.other.transport.is_closing():
            self.other.transport.sendto(data, self.target)  # type: ignore[attr-defined]


async def two_sides(up: Way, down: Way) -> tuple[Side, Side]:
    """A relay's two sockets, that towards the client and that towards the hub. `replaced` tells them their targets."""
    loop, sides = asyncio.get_running_loop(), (Side(up), Side(down))
    for side in sides:
        await loop.create_datagram_endpoint(lambda side=side: side, local_addr=("127.0.0.1", 0))
    from_client, from_hub = sides
    from_client.other, from_hub.other = from_hub, from_client
    return from_client, from_hub


class ThinLink(httpx.AsyncBaseTransport):
    """An HTTP transport that puts every WebRTC session it signals behind a relay. `up`: from this client to the hub."""

    def __init__(self, up: Way, down: Way, *, whole: bool = False) -> None:
        self.up, self.down = up, down
        self._whole = whole
        self._inner = httpx.AsyncHTTPTransport()
        self._sides: list[Side] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._whole:
            await self._until_heard(request)
        if request.headers.get("Content-Type") != "application/sdp":
            return await self._inner.handle_async_request(request)
        from_client, from_hub = await two_sides(self.up, self.down)
        self._sides += from_client, from_hub
        offer, from_hub.target = replaced(await request.aread(), from_hub.address)
        headers = [pair for pair in request.headers.raw if pair[0].lower() != b"content-length"]
        asked = httpx.Request(request.method, request.url, headers=headers, content=offer)
        answered = await self._inner.handle_async_request(asked)
        answer, from_client.target = replaced(await answered.aread(), from_client.address)
        kept = [pair for pair in answered.headers.raw if pair[0].lower() != b"content-length"]
        return httpx.Response(answered.status_code, headers=kept, content=answer)

    async def _until_heard(self, request: httpx.Request) -> None:
        """Knock as TCP does; give up as httpx does. Raises httpx.ConnectTimeout."""
        patience_s = request.extensions.get("timeout", {}).get("connect") or sum(SYN_S)
        for wait_s in SYN_S:
            if not (self.up.silent or self.down.silent):
                return
            await asyncio.sleep(min(wait_s, patience_s))
            patience_s -= wait_s
            if patience_s <= 0:
                raise httpx.ConnectTimeout("the link is silent", request=request)

    async def aclose(self) -> None:
        for side in self._sides:
            side.transport.close()
        await self._inner.aclose()


def replaced(sdp: bytes, address: Address) -> tuple[bytes, Address | None]:
    """The description with every host candidate replaced by `address`, and what the first one was."""
    found = _CANDIDATE.search(sdp)
    host, port = address
    replaced = _CANDIDATE.sub(rb"\g<1>%s %d\g<4>" % (host.encode(), port), sdp)
    return replaced, (found[2].decode(), int(found[3])) if found else None
