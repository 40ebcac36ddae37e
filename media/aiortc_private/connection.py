"""The addresses that a connection offers, and whether anything still comes in on it."""

from __future__ import annotations

from collections.abc import Sequence

from aioice import ice
from aiortc import RTCPeerConnection

_host_addresses = ice.get_host_addresses


def listen_on(addresses: Sequence[str] | None) -> None:
    """Offer only `addresses` as host candidates in this process, loopback included; None gives aioice's own choice.

    aioice never offers loopback, so a machine without another interface could not connect to itself, and a hub that
    serves loopback only would still open its media ports to the network.
    """
    if addresses is None:
        ice.get_host_addresses = _host_addresses
        return
    chosen = list(addresses)

    def host_addresses(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        return [address for address in chosen if (use_ipv6 if ":" in address else use_ipv4)]

    ice.get_host_addresses = host_addresses


def packets_received(pc: RTCPeerConnection) -> int:
    """Datagrams of any sort (media, reports, data) that came in on a connection's first transport."""
    transport = pc.sctp.transport if pc.sctp else pc.getTransceivers()[0].receiver.transport
    return transport._get_stats()[transport._stats_id].packetsReceived
