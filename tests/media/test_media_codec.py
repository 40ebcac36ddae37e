"""H264 beside VP8: chosen by the vehicle, carried as it is, at a rate that changes without a new key frame."""

from __future__ import annotations

import fractions
from collections.abc import Iterator

import av
import pytest
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st
from media_stage import Hub, Running, eventually, wall_ms
from test_media_standard_peers import client, decoded, gst, gstreamer, page  # noqa: F401  # fixtures

from media.aiortc_private import packetize_h264, starts_key_frame
from media.camera import open_camera
from media.camera_source import DrawnSource
from media.codec import CODECS, Codec, capabilities, codec_named, payload_types
from media.encoder import CameraEncoder, encoder_for
from media.rate_control import BitRate
from media.receiver import VideoViewer
from media.sender import VideoPublisher

BOUNDS = BitRate()
FPS = 15


def test_a_codec_is_known_by_either_spelling_and_others_are_not() -> None:
    assert [codec_named(name) for name in ("video/VP8", "h264", "video/rtx", "AV1")] == ["VP8", "H264", None, None]
    assert [one.mimeType for one in capabilities("H264")] == ["video/H264"] * 2 + ["video/rtx"]


def test_each_codec_has_its_payload_type_and_its_own_for_what_is_sent_again() -> None:
    def one(mime: str, number: int, **parameters: int) -> RTCRtpCodecParameters:
        return RTCRtpCodecParameters(f"video/{mime}", 90_000, payloadType=number, parameters=parameters)

    negotiated = [one("VP8", 96), one("rtx", 97, apt=96), one("H264", 102), one("H264", 104), one("rtx", 103, apt=102)]
    assert payload_types(negotiated) == ({"VP8": 96, "H264": 102}, {96: 97, 102: 103})


# --- the encoder ------------------------------------------------------------------------------------------------------


def pictures(count: int) -> Iterator[av.VideoFrame]:
    source = DrawnSource(640, 360)
    for number in range(count):
        frame = av.VideoFrame.from_ndarray(source.picture(number / FPS), format="yuv420p")
        frame.pts, frame.time_base = number * 90_000 // FPS, fractions.Fraction(1, 90_000)
        yield frame


def is_key(payloads: list[bytes], codec: Codec) -> bool:
    return starts_key_frame(RtpPacket(payload=payloads[0]), codec)


@pytest.mark.parametrize("codec", CODECS)
def test_the_rate_follows_the_target_from_the_next_pictures_on_without_another_key_frame(codec: Codec) -> None:
    encoder: CameraEncoder = encoder_for(codec, BOUNDS)
    sizes, keys, targets_bps = [], [], [600_000] * 45 + [200_000] * 45 + [500_000] * 45
    for frame, target_bps in zip(pictures(135), targets_bps, strict=True):
        payloads, _ = encoder.encode(frame, target_bps)
        sizes.append(sum(map(len, payloads)))
        keys.append(is_key(payloads, codec))
    assert keys == [True] + [False] * 134
    for first, target_bps in ((15, 600_000), (60, 200_000), (105, 500_000)):
        sent_bps = sum(sizes[first : first + 30]) * 8 * FPS / 30
        assert 0.6 * target_bps <= sent_bps <= 1.3 * target_bps, (first, sent_bps)


@pytest.mark.parametrize("codec", CODECS)
def test_a_key_frame_is_made_when_asked_for_and_keeps_the_cameras_time(codec: Codec) -> None:
    encoder = encoder_for(codec, BOUNDS)
    told = [encoder.encode(frame, 300_000, key_frame=number == 4) for number, frame in enumerate(pictures(6))]
    assert [is_key(payloads, codec) for payloads, _ in told] == [True, False, False, False, True, False]
    assert [timestamp for _, timestamp in told] == [number * 6000 for number in range(6)]
    assert all(len(payload) <= 1300 for payloads, _ in told for payload in payloads)


def test_what_h264_is_made_of_is_constrained_baseline() -> None:
    payloads, _ = encoder_for("H264", BOUNDS).encode(next(pictures(1)), 300_000)
    gathered = payloads[0]
    assert gathered[0] & 0x1F == 24 and gathered[3] & 0x1F == 7  # STAP-A that begins with the parameters
    profile, constraints = gathered[4], gathered[5]
    assert profile == 66 and constraints & 0x40


def test_only_what_a_viewer_can_begin_with_begins_a_key_frame() -> None:
    sps, pps, slice_ = b"\x67\x42\xe0\x1f", b"\x68\xce", b"\x41" + bytes(20)
    gathered = b"\x78" + b"".join(len(one).to_bytes(2, "big") + one for one in (b"\x09\x10", sps, pps))
    found = [starts_key_frame(RtpPacket(payload=one), "H264") for one in (sps, gathered, pps, slice_, b"", b"\x78\x00")]
    assert found == [True, True, False, False, False, False]
    assert packetize_h264(b"\x00\x00\x00\x01" + sps + b"\x00\x00\x01" + pps)[0][0] & 0x1F == 24


@given(st.binary(max_size=60))
def test_noise_never_breaks_the_look_at_a_packet(noise: bytes) -> None:
    assert starts_key_frame(RtpPacket(payload=noise), "H264") in (True, False)


# --- over real connections --------------------------------------------------------------------------------------------


@pytest.mark.sockets
async def test_a_vehicle_that_chose_h264_is_seen_and_one_that_takes_over_with_vp8_too(
    hub: Hub, vehicle, board, running: Running
) -> None:
    viewer, camera = VideoViewer(board, "A01", wall_ms), open_camera("scene", wall_ms)
    running(viewer, VideoPublisher(vehicle, "A01", camera, codec="H264"))
    await eventually(lambda: viewer.frames_shown >= 15, "pictures in H264")
    assert "H264" in offered(hub, "publish") and "VP8" not in offered(hub, "publish")
    shown = viewer.frames_shown
    running(VideoPublisher(vehicle, "A01", camera, codec="VP8"))
    await eventually(lambda: "VP8" in offered(hub, "publish"), "the second publisher to take over")
    await eventually(lambda: viewer.frames_shown >= shown + 15, "pictures in VP8")
    assert viewer.unstamped == 0 and viewer.link.connections == 1 and hub.told == [("started", "A01")]


def offered(hub: Hub, action: str) -> str:
    newest = [one for one in hub.plane._sessions.values() if one.action == action][-1]
    return newest.pc.remoteDescription.sdp if newest.pc.remoteDescription else ""


@pytest.mark.sockets
async def test_gstreamer_publishes_h264_and_a_viewer_of_ours_sees_it(
    hub: Hub,
    board,
    running: Running,
    gst,  # noqa: F811
) -> None:
    viewer = VideoViewer(board, "A01", wall_ms)
    running(viewer)
    await gst("whip", "vehicle", "H264")
    await eventually(lambda: viewer.frames_shown >= 15, "pictures in H264 from GStreamer")


@pytest.mark.sockets
@pytest.mark.browser
async def test_chromium_shows_h264_of_a_vehicle(hub: Hub, vehicle, running: Running, page) -> None:  # noqa: F811
    running(VideoPublisher(vehicle, "A01", open_camera("scene", wall_ms), codec="H264"))
    await client(page, hub, "whep", "board")
    await decoded(page, 15)
    kinds = await page.evaluate(
        """async () => { const all = [...(await viewer.pc.getStats()).values()];
        const { codecId } = all.find(({ type, kind }) => type === "inbound-rtp" && kind === "video");
        return all.find(({ id }) => id === codecId).mimeType; }"""
    )
    assert kinds == "video/H264"
