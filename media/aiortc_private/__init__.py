"""The one place that touches aiortc's private parts: packets in and out, frame release, addresses.

Written against aiortc 1.16 and aioice 0.13. Each name used is listed in `PRIVATE_NAMES`, and tests/media fails loudly
when a new version lacks one or behaves differently. Everything else in this room uses the public API.
"""

from media.aiortc_private.connection import hear_only_the_peer, listen_on, packets_received, seal_with, sockets_of
from media.aiortc_private.h264 import packetize_h264
from media.aiortc_private.names import PRIVATE_NAMES
from media.aiortc_private.publishing import CameraSender
from media.aiortc_private.receiving import ask_key_frame, keep_newest, receive_live, tap_packets
from media.aiortc_private.sending import OutgoingPacket, PacketSender
from media.aiortc_private.shortcut import IncomingPacket
from media.aiortc_private.telling import tell_arrivals
from media.aiortc_private.vp8 import body_of, packetize_vp8, starts_key_frame

__all__ = [
    "PRIVATE_NAMES",
    "CameraSender",
    "IncomingPacket",
    "OutgoingPacket",
    "PacketSender",
    "ask_key_frame",
    "body_of",
    "hear_only_the_peer",
    "keep_newest",
    "listen_on",
    "packetize_h264",
    "packetize_vp8",
    "packets_received",
    "receive_live",
    "seal_with",
    "sockets_of",
    "starts_key_frame",
    "tap_packets",
    "tell_arrivals",
]
