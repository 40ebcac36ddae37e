"""Offers are checked before any parser sees them, and only those who may are answered."""

from __future__ import annotations

import httpx
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection
from hypothesis import given
from hypothesis import strategies as st

from casebook.errors import RefusedInput
from media.aiortc_private import listen_on
from media.signalling import CANDIDATES_MAX, SDP_BYTES_MAX, check_offer, media_kind

VIDEO = """v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0
m=video 9 UDP/TLS/RTP/SAVPF 97
c=IN IP4 0.0.0.0
a=mid:0
a=recvonly
a=rtcp-mux
a=rtpmap:97 VP8/90000
a=ice-ufrag:abcd
a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaa
a=fingerprint:sha-256 AA:BB
a=setup:actpass
a=candidate:1 1 udp 2130706431 127.0.0.1 5000 typ host
"""


def lines_of(text: bytes | str) -> list[str]:
    return (text.decode() if isinstance(text, bytes) else text).splitlines()


def test_a_sane_offer_passes_unchanged() -> None:
    assert lines_of(check_offer(VIDEO.encode(), "video")) == VIDEO.splitlines()


def test_mdns_candidates_and_the_end_mark_are_dropped_not_looked_up() -> None:
    mdns = "a=candidate:2 1 udp 2113937151 0f0f.local 5001 typ host"
    offer = VIDEO + mdns + "\na=end-of-candidates\n"
    assert lines_of(check_offer(offer.encode(), "video")) == VIDEO.splitlines()


CANDIDATE = "a=candidate:1 1 udp 2130706431 127.0.0.1 5000 typ host\n"
BROKEN = [
    ("sdp_too_big", VIDEO + "a=x:" + "y" * SDP_BYTES_MAX),
    ("sdp_malformed", ""),
    ("sdp_malformed", "hello"),
    ("sdp_malformed", VIDEO.replace("v=0", "v=1")),
    ("sdp_malformed", VIDEO + "no equals sign here"),
    ("sdp_malformed", VIDEO + "a=x\x00y"),
    ("sdp_malformed", b"v=0\r\ns=\xff\xfe\r\n"),
    ("sdp_malformed", VIDEO.replace("m=video 9", "m=video nine")),
    ("sdp_malformed", VIDEO.replace("RTP/SAVPF 97", "RTP/SAVPF 74")),
    ("sdp_malformed", VIDEO.replace("a=ice-ufrag:abcd\n", "")),
    ("sdp_malformed", VIDEO.replace("c=IN IP4 0.0.0.0", "c=nowhere")),
    ("sdp_malformed", VIDEO.replace("a=rtpmap:97 VP8/90000", "a=rtpmap:97 VP8")),
    ("sdp_malformed", VIDEO + "a=candidate:1 1 udp 1 127.0.0.1\n"),
    ("sdp_malformed", VIDEO + CANDIDATE.replace("127.0.0.1", "evil.example.org")),
    ("sdp_malformed", VIDEO + CANDIDATE.replace("5000", "port")),
    ("sdp_too_many_candidates", VIDEO + CANDIDATE * CANDIDATES_MAX),
    ("sdp_too_many_media", VIDEO + "m=video 9 UDP/TLS/RTP/SAVPF 97\n" * 8),
    ("sdp_wrong_media", VIDEO + "m=audio 9 UDP/TLS/RTP/SAVPF 0\n" * 2),
    ("sdp_wrong_media", VIDEO + VIDEO[VIDEO.index("m=video") :]),
    ("sdp_wrong_media", VIDEO.replace("m=video", "m=audio")),
    ("sdp_wrong_media", VIDEO.split("m=video")[0]),
    ("sdp_no_fingerprint", VIDEO.replace("a=fingerprint:sha-256 AA:BB\n", "")),
    ("sdp_setup", VIDEO.replace("a=setup:actpass\n", "")),
    ("sdp_setup", VIDEO + "a=setup:active\n"),
    ("sdp_setup", VIDEO.replace("actpass", "holdconn")),
]


@pytest.mark.parametrize(("key", "offer"), BROKEN)
def test_a_broken_offer_is_refused_with_what_is_wrong(key: str, offer: str | bytes) -> None:
    body = offer if isinstance(offer, bytes) else offer.encode()
    with pytest.raises(RefusedInput) as refused:
        check_offer(body, "video")
    assert refused.value.key == key
    assert refused.value.said("zh") and refused.value.said("en")


@given(st.binary(max_size=300))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(RefusedInput):
        check_offer(noise, "video")


@given(st.data())
def test_an_offer_with_lines_lost_doubled_or_torn_passes_or_is_refused_and_never_crashes(data: st.DataObject) -> None:
    lines: list[str] = list(VIDEO.splitlines())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(lines) - 1))
        torn = lines[place][: data.draw(st.integers(0, len(lines[place])))]
        lines[place : place + 1] = data.draw(st.sampled_from([[], [lines[place]] * 2, [torn]]))
        if not lines:
            break
    try:
        check_offer("\n".join(lines).encode(), "video")
    except RefusedInput as refused:
        assert refused.key.startswith("sdp_")


@pytest.mark.parametrize(("stream", "kind"), [("A01", "video"), ("A01.waves", "application"), ("heli-1", "video")])
def test_a_streams_name_tells_what_it_carries(stream: str, kind: str) -> None:
    assert media_kind(stream) == kind


@pytest.mark.parametrize("stream", ["", ".waves", "A01.other", "a/b", "a b", "x" * 65, "急救"])
def test_other_names_are_refused(stream: str) -> None:
    with pytest.raises(RefusedInput) as refused:
        media_kind(stream)
    assert refused.value.key == "stream_name"


async def offer_of(kind: str) -> str:
    listen_on(["127.0.0.1"])
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    if kind == "video":
        pc.addTransceiver("video", direction="recvonly")
    else:
        pc.createDataChannel("waves", negotiated=True, id=0)
    await pc.setLocalDescription(await pc.createOffer())
    sdp = pc.localDescription.sdp
    await pc.close()
    return sdp


async def post(client: httpx.AsyncClient, path: str, body: str, kind: str = "application/sdp") -> httpx.Response:
    return await client.post(f"/api/v1/media/{path}", content=body, headers={"Content-Type": kind})


@pytest.mark.sockets
async def test_an_offer_is_answered_with_the_sessions_address_and_delete_ends_it(hub, board: httpx.AsyncClient) -> None:
    made = await post(board, "whep/A01", await offer_of("video"))
    assert made.status_code == 201 and made.headers["content-type"] == "application/sdp"
    assert made.text.startswith("v=0") and "127.0.0.1" in made.text
    session = made.headers["location"]
    assert (await board.delete(session)).status_code == 200
    gone = await board.delete(session)
    assert (gone.status_code, gone.json()["error"]) == (404, "media_session_gone")


@pytest.mark.sockets
async def test_only_the_one_who_opened_may_end_a_session(hub, board, vehicle) -> None:
    made = await post(board, "whep/A01.waves", await offer_of("application"))
    assert (await vehicle.delete(made.headers["location"])).status_code == 403
    assert hub.plane.find(made.headers["location"].rsplit("/")[-1]) is not None


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("path", "body", "kind", "status", "key"),
    [
        ("whip/A01", None, "application/sdp", 403, "not_allowed"),
        ("whep/A01", None, "text/plain", 415, "sdp_content_type"),
        ("whep/A.01", None, "application/sdp", 422, "stream_name"),
        ("whep/A01.waves", None, "application/sdp", 422, "sdp_wrong_media"),
        ("whep/A01", "x" * (SDP_BYTES_MAX + 1), "application/sdp", 422, "sdp_too_big"),
        ("whep/A01", "rubbish", "application/sdp", 422, "sdp_malformed"),
        ("whep/A01", VIDEO.replace("VP8", "AV1"), "application/sdp", 422, "sdp_no_codec"),
    ],
)
async def test_what_is_refused_says_why_and_leaves_no_session(hub, board, path, body, kind, status, key) -> None:
    answer = await post(board, path, body or await offer_of("video"), kind)
    assert (answer.status_code, answer.json()["error"]) == (status, key)
    assert hub.plane._sessions == {}


FRAGMENT = "application/trickle-ice-sdpfrag"


async def viewing(board: httpx.AsyncClient) -> httpx.Response:
    """An open session of the board."""
    made = await post(board, "whep/A01", await offer_of("video"))
    assert made.status_code == 201
    return made


async def patch(client: httpx.AsyncClient, session: httpx.Response, body: str, **headers: str) -> httpx.Response:
    headers = {"Content-Type": FRAGMENT, "If-Match": session.headers["etag"]} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    kept = {name: value for name, value in headers.items() if value}
    return await client.patch(session.headers["location"], content=body, headers=kept)


@pytest.mark.sockets
async def test_later_candidates_are_taken_for_the_session_in_force_and_for_no_other(hub, board, vehicle) -> None:
    made = await viewing(board)
    one = "a=candidate:2 1 udp 2130706431 127.0.0.1 5001 typ host\r\n"
    answer = await patch(board, made, one)
    assert (answer.status_code, answer.content, "etag" in answer.headers) == (204, b"", False)
    told = {
        428: await patch(board, made, one, If_Match=""),
        412: await patch(board, made, one, If_Match='"another"'),
        415: await patch(board, made, one, Content_Type="text/plain"),
        400: await patch(board, made, "a=candidate:rubbish"),
        403: await patch(vehicle, made, one, Authorization="Bearer vehicle"),
    }
    assert {status: answer.status_code for status, answer in told.items()} == {status: status for status in told}
    unasked = await patch(board, made, await offer_of("video"), Content_Type="application/sdp")
    assert (unasked.status_code, unasked.json()["error"]) == (422, "media_no_counter_offer")
    assert told[428].json()["error"] == "media_match_required" and told[412].json()["error"] == "media_session_stale"
    gone = await board.patch(f"{made.headers['location']}x", content=one, headers={"Content-Type": FRAGMENT})
    assert gone.status_code == 404


@pytest.mark.sockets
@pytest.mark.parametrize("how", ["another name", "any session"])
async def test_a_restart_of_ice_is_refused_and_the_session_stays(hub, board, how: str) -> None:
    made = await viewing(board)
    body = "a=ice-ufrag:new0\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaa\r\n"
    match = "*" if how == "any session" else made.headers["etag"]
    answer = await patch(board, made, body, If_Match=match)
    assert (answer.status_code, answer.json()["error"]) == (422, "media_no_ice_restart")
    assert (await board.get(made.headers["location"])).status_code == 204


@pytest.mark.sockets
async def test_no_session_is_told_more_candidates_than_an_offer_may_have(hub, board) -> None:
    made = await viewing(board)
    lines = [f"a=candidate:{n} 1 udp 1 127.0.0.1 {6000 + n} typ host\r\n" for n in range(CANDIDATES_MAX)]
    assert (await patch(board, made, "".join(lines[:20]))).status_code == 204
    answer = await patch(board, made, "".join(lines[20:]))
    assert (answer.status_code, answer.json()["error"]) == (422, "sdp_too_many_candidates")


@pytest.mark.sockets
async def test_any_page_may_ask_what_is_allowed_and_reads_answer_and_address(hub, board) -> None:
    async with httpx.AsyncClient(base_url=hub.url, trust_env=False) as stranger:
        asked = {"Origin": "https://console.example", "Access-Control-Request-Method": "POST"}
        may = await stranger.options("/api/v1/media/whep/A01", headers=asked)
    assert may.status_code == 200 and may.headers["accept-post"] == "application/sdp"
    assert may.headers["access-control-allow-origin"] == "*" and "POST" in may.headers["access-control-allow-methods"]
    assert {"Authorization", "If-Match"} <= set(may.headers["access-control-allow-headers"].split(", "))
    assert "access-control-allow-credentials" not in may.headers  # the token is all that counts
    made = await viewing(board)
    assert made.headers["access-control-expose-headers"] == "ETag, Link, Location"
    session = await board.options(made.headers["location"])
    assert "PATCH" in session.headers["access-control-allow-methods"] and "accept-post" not in session.headers


@pytest.mark.sockets
async def test_there_is_nothing_to_read_and_other_methods_are_named_as_not_allowed(hub, board) -> None:
    made = await viewing(board)
    for path in ("/api/v1/media/whep/A01", made.headers["location"]):
        assert (await board.get(path)).status_code == 204
        assert (await board.put(path)).status_code == 405
    assert (await board.get("/api/v1/media/whip/A01")).status_code == 403
    assert (await board.get("/api/v1/media/other/A01")).status_code == 404
