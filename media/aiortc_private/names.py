"""The private names of aiortc that this folder stands on, and how to reach those that Python mangles."""

from __future__ import annotations

from typing import Any

from aioice import ice
from aiortc import RTCDtlsTransport, RTCIceTransport, RTCPeerConnection, RTCRtpReceiver, RTCRtpSender, RTCRtpTransceiver
from aiortc.codecs import h264, vpx
from aiortc.rtcrtpreceiver import RemoteStreamTrack
from pylibsrtp import Session

PRIVATE_NAMES: dict[type, tuple[str, ...]] = {
    ice.StunProtocol: ("datagram_received", "receiver"),
    ice.Connection: ("_check_list", "_nominated", "_protocols", "_queue", "data_received"),
    RTCIceTransport: ("_connection",),
    vpx.Vp8Encoder: ("_packetize",),
    h264.H264Encoder: ("_packetize", "_split_bitstream"),
    RTCPeerConnection: ("_RTCPeerConnection__certificates",),
    RTCRtpTransceiver: ("_codecs",),
    RTCDtlsTransport: (
        "_rtp_header_extensions_map",
        "_get_stats",
        "_stats_id",
        "_send_rtp",
        "_tx_srtp",
        "_rx_srtp",
        "_state",
        "_RTCDtlsTransport__rx_bytes",
        "_RTCDtlsTransport__rx_packets",
        "_RTCDtlsTransport__tx_bytes",
        "_RTCDtlsTransport__tx_packets",
    ),
    Session: ("_cdata", "_buffer"),
    RemoteStreamTrack: ("_queue",),
    RTCRtpReceiver: (
        "_RTCRtpReceiver__jitter_buffer",
        "_RTCRtpReceiver__nack_generator",
        "_RTCRtpReceiver__codecs",
        "_RTCRtpReceiver__decoder_queue",
        "_RTCRtpReceiver__remote_bitrate_estimator",
        "_RTCRtpReceiver__remote_streams",
        "_RTCRtpReceiver__rtcp_ssrc",
        "_RTCRtpReceiver__decoder_thread",
        "_RTCRtpReceiver__stop_decoder",
        "_RTCRtpReceiver__timestamp_mapper",
        "_send_rtcp",
        "_send_rtcp_nack",
        "_send_rtcp_pli",
        "_handle_rtp_packet",
    ),
    RTCRtpSender: (
        "_RTCRtpSender__rtp_started",
        "_RTCRtpSender__rtp_exited",
        "_RTCRtpSender__rtp_header_extensions_map",
        "_RTCRtpSender__mid",
        "_RTCRtpSender__ntp_timestamp",
        "_RTCRtpSender__rtp_timestamp",
        "_RTCRtpSender__octet_count",
        "_RTCRtpSender__packet_count",
        "_RTCRtpSender__rtt",
        "_RTCRtpSender__rtx_payload_type",
        "_RTCRtpSender__rtx_sequence_number",
        "_ssrc",
        "_rtx_ssrc",
        "_run_rtp",
        "_retransmit",
        "_handle_rtcp_packet",
        "_send_keyframe",
    ),
}


def _mangled(owner: RTCRtpReceiver | RTCRtpSender, name: str) -> str:
    base = RTCRtpReceiver if isinstance(owner, RTCRtpReceiver) else RTCRtpSender
    mangled = f"_{base.__name__}__{name}"
    assert hasattr(owner, mangled), f"this version of aiortc has no {mangled}: see media/aiortc_private"
    return mangled


def read(owner: RTCRtpReceiver | RTCRtpSender, name: str) -> Any:
    """The private attribute ``__name`` of a sender or receiver."""
    return getattr(owner, _mangled(owner, name))


def replace(owner: RTCRtpReceiver | RTCRtpSender, name: str, value: object) -> None:
    """Set the private attribute ``__name`` of a sender or receiver, which must have it."""
    setattr(owner, _mangled(owner, name), value)
