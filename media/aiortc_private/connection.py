"""A connection's addresses, sockets and certificate, whom it hears, and whether anything still comes in on it."""

from __future__ import annotations

from asyncio.trsock import TransportSocket
from collections.abc import Sequence
from typing import Any

from aioice import ice
from aiortc import RTCCertificate, RTCPeerConnection

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


def hear_only_the_peer() -> None:
    """Drop datagrams of strangers in this process: aioice gives whatever comes to its port to DTLS and SRTP.

    A stranger who knows the port could begin a DTLS handshake before the peer does, and be answered in its place. The
    peer is who passed a connectivity check or is on trial for one: both need the password of the offer or the answer.
    """
    ice.StunProtocol.datagram_received = _of_the_peer  # type: ignore[method-assign]


_datagram_received = ice.StunProtocol.datagram_received


def _of_the_peer(self: ice.StunProtocol, data: bytes | str, addr: tuple[Any, ...]) -> None:
    """What is not STUN needs no look whether it could be parsed as STUN; what is empty would end aiortc's transport."""
    connection = self.receiver
    if not isinstance(connection, ice.Connection) or _is_stun(data):
        _datagram_received(self, data, addr)
        return
    nominated = connection._nominated.get(1)
    of_peer = nominated is not None and nominated.remote_addr == addr[:2]  # nearly every packet
    if data and (of_peer or any(pair.remote_addr == addr[:2] for pair in connection._check_list)):
        connection.data_received(data, self.local_candidate.component)  # type: ignore[arg-type]


def _is_stun(data: bytes | str) -> bool:
    """RFC 7983 section 7: the first byte tells STUN (0 to 3) from DTLS, SRTP and the rest."""
    return len(data) >= 20 and data[0] <= 3  # type: ignore[operator]  # datagrams are bytes


def seal_with(pc: RTCPeerConnection, certificate: RTCCertificate) -> None:
    """Let a connection that has no transport yet show this certificate; aiortc makes a new one for each."""
    name = "_RTCPeerConnection__certificates"
    assert hasattr(pc, name), f"this version of aiortc has no {name}: see media/aiortc_private"
    setattr(pc, name, [certificate])


def sockets_of(pc: RTCPeerConnection) -> list[TransportSocket]:
    """The sockets that a connection sends from, its relays' too; none before its addresses are gathered."""
    transports = [one.receiver.transport for one in pc.getTransceivers()] + ([pc.sctp.transport] if pc.sctp else [])
    connections = {transport.transport._connection for transport in transports}  # one for all of a bundle
    ways = [protocol.transport for connection in connections for protocol in connection._protocols]
    return [found for way in ways if (found := way.get_extra_info("socket")) is not None]


def packets_received(pc: RTCPeerConnection) -> int:
    """Datagrams of any sort (media, reports, data) that came in on a connection's first transport."""
    transport = pc.sctp.transport if pc.sctp else pc.getTransceivers()[0].receiver.transport
    return transport._get_stats()[transport._stats_id].packetsReceived
