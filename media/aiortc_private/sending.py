"""Send packets that are already encoded through one of aiortc's senders.

aiortc keeps the transport, the reports and the reading of requests; packets, their numbers, and whether a lost one is
sent again (`media.retransmission`) are ours. aiortc's own sender grants every request, however often, and lets the old
send time stand on what it repeats, which misleads the receiver's estimate of the link. A packet goes out while it is
offered (`media.aiortc_private.wire`): for eight viewers it would otherwise wake eight tasks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from aiortc import RTCRtpSender, RTCRtpTransceiver, clock
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

from media.aiortc_private.names import read, replace
from media.aiortc_private.wire import Form, Wire
from media.codec import Codec, payload_types
from media.retransmission import Retransmission

log = logging.getLogger(__name__)


@dataclass(slots=True)
class OutgoingPacket:
    """A packet for one peer: `seq` and `timestamp` are already in that peer's numbering (16 and 32 bits)."""

    seq: int
    timestamp: int
    marker: int
    payload: bytes
    codec: Codec = "VP8"


Sent = tuple[int, OutgoingPacket]  # with the payload type under which it went


class Outlet:
    """Puts one stream's packets on the wire and answers requests for lost ones. Takes over `sender._retransmit`.

    `on_sent` is told the bytes of every packet, repeated ones too.
    """

    def __init__(self, sender: RTCRtpSender, on_sent: Callable[[int], None] = lambda size_bytes: None) -> None:
        self._sender, self._on_sent = sender, on_sent
        self.ssrc = sender._ssrc
        self.history: Retransmission[Sent] = Retransmission()
        self.again: dict[int, int] | None = None  # payload types of retransmission; None: aiortc's one
        self._timestamp: int | None = None  # of the picture that the reports know of
        self._bytes = self._packets = 0
        sender._retransmit = self._retransmit  # type: ignore[method-assign]

    def begin(self) -> None:
        """The connection stands: make out how packets look. Call once, before the first."""
        sender = self._sender
        self._now_s = asyncio.get_running_loop().time
        self._form = Form(self.ssrc, read(sender, "mid"), read(sender, "rtp_header_extensions_map"))
        self._wire = Wire(sender.transport)

    @property
    def is_full(self) -> bool:
        return self._wire.is_full

    def send(self, outgoing: OutgoingPacket, payload_type: int) -> None:
        """Send now. Raises ConnectionError when the connection is gone."""
        at_s = self._now_s()
        wire = self._form.packet(
            payload_type, outgoing.marker, outgoing.seq, outgoing.timestamp, outgoing.payload, at_s
        )
        self._wire.send(wire)
        self._on_sent(len(wire))
        self.history.sent(outgoing.seq, (payload_type, outgoing), len(wire), at_s)
        self._bytes += len(outgoing.payload)
        self._packets += 1
        if outgoing.timestamp != self._timestamp:
            self._report(outgoing.timestamp)

    def _report(self, timestamp: int) -> None:
        """Tell the sender once for each picture the four things that its reports are made of."""
        self._timestamp = timestamp
        sender = self._sender
        replace(sender, "ntp_timestamp", clock.current_ntp_time())
        replace(sender, "rtp_timestamp", timestamp)
        replace(sender, "octet_count", self._bytes)
        replace(sender, "packet_count", self._packets)

    async def _retransmit(self, sequence_number: int) -> None:
        """In place of RTCRtpSender._retransmit, which is called for each packet that a peer asks for."""
        sender, at_s = self._sender, self._now_s()
        granted = self.history.grant(sequence_number, at_s, read(sender, "rtt"))
        if granted is None:
            return
        payload_type, sent = granted
        seq, payload, ssrc = sent.seq, sent.payload, self.ssrc
        own = read(sender, "rtx_payload_type")
        again = own if self.again is None else self.again.get(payload_type)
        if again is not None:  # RFC 4588 section 4
            payload_type, payload, ssrc = again, seq.to_bytes(2, "big") + payload, sender._rtx_ssrc
            seq = read(sender, "rtx_sequence_number")
            replace(sender, "rtx_sequence_number", (seq + 1) & 0xFFFF)
        wire = self._form.packet(payload_type, sent.marker, seq, sent.timestamp, payload, at_s, ssrc)
        self._wire.send(wire)
        self._on_sent(len(wire))


class PacketSender:
    """Makes an RTCRtpSender send packets that are already encoded.

    `offer` never waits: when the network does not take what is there it answers False and the caller decides (skip to
    the next key frame). What is offered before the connection stands, or after it is gone, is left out: it would be the
    past. With `transceiver` packets go out as the codec that they name, and are left out and counted where the peer did
    not offer it; else all are of the one that was negotiated.
    """

    def __init__(
        self,
        sender: RTCRtpSender,
        on_ready: Callable[[], None],
        on_key_frame_asked: Callable[[], None],
        transceiver: RTCRtpTransceiver | None = None,
    ) -> None:
        self._sender, self._transceiver = sender, transceiver
        self.unsupported = 0
        self._on_ready = on_ready
        self._negotiated: int | None = None  # payload type; None while there is no connection
        self._types: dict[Codec, int] | None = None
        self.outlet = Outlet(sender)
        sender._run_rtp = self._run_rtp  # type: ignore[method-assign]
        sender._send_keyframe = on_key_frame_asked  # type: ignore[method-assign]

    def offer(self, packet: OutgoingPacket) -> bool:
        """Send it now. False: the network is full."""
        payload_type = self._negotiated
        if payload_type is not None and self._types is not None:
            payload_type = self._types.get(packet.codec)
            self.unsupported += payload_type is None
        if payload_type is None:
            return True
        if self.outlet.is_full:
            return False
        try:
            self.outlet.send(packet, payload_type)
        except ConnectionError:
            self._negotiated = None
        return True

    async def _run_rtp(self, codec: RTCRtpCodecParameters) -> None:
        """In place of RTCRtpSender._run_rtp, which reads a track and encodes. It must set started and exited."""
        assert codec.payloadType is not None
        try:
            self.outlet.begin()
            if self._transceiver is not None:
                self._types, self.outlet.again = payload_types(self._transceiver._codecs)
            self._negotiated = codec.payloadType
            read(self._sender, "rtp_started").set()
            self._on_ready()
            await asyncio.Event().wait()  # until the connection is closed
        except asyncio.CancelledError:
            pass
        except Exception:
            log.exception("media: sending to a viewer failed")
        finally:
            self._negotiated = None
            read(self._sender, "rtp_started").set()
            read(self._sender, "rtp_exited").set()
