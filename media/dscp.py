"""Mark media packets for the networks on their way: what is to be kept when a queue is full, and what may go first.

A network that looks at the marks (a private 5G slice, a hospital's own) keeps our order of the quality ladder; with
one that does not nothing is worse. Some networks drop what is marked (RFC 8835 section 4.2): `media.link` then goes
without.
"""

from __future__ import annotations

import enum
import logging
import socket

from aiortc import RTCPeerConnection

from media.aiortc_private import sockets_of

log = logging.getLogger(__name__)


class Mark(enum.IntEnum):
    """DSCP by RFC 8837 table 1, columns Medium and High; "off" of the setting ABOARD_DSCP is `switch(on=False)`.

    Waves and numbers are not the table's "Data" (AF11, AF21: transfers): they have the picture's deadlines and come
    before it. Both are in the class AF4, one queue, where AF42 is dropped before AF41 (RFC 2597 section 2).
    """

    VOICE = 46  # EF: audio
    WAVES = 34  # AF41: interactive, high
    PICTURE = 36  # AF42: interactive video, medium


_on = True


def switch(*, on: bool) -> None:
    """Whether anything is marked in this process."""
    global _on
    _on = on


def mark(pc: RTCPeerConnection, mark: Mark) -> None:
    """Mark all that this connection sends from now on. To be called when its addresses are gathered.

    Where the system does not let us, packets go unmarked.
    """
    if not _on:
        return
    for one in sockets_of(pc):
        try:
            if one.family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, mark << 2)  # the low two bits are ECN's
            else:
                one.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, mark << 2)
        except OSError as why:
            log.debug("packets go unmarked: %s", why)
