"""A standard peer's offer is cut down to what is carried, its answer is whole again, later candidates are checked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casebook.errors import RefusedInput
from media.offers import CANDIDATES_MAX, MalformedFragment, check_fragment, check_offer, only, ufrag_of, with_declined

HEAD = "v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nt=0 0\na=group:BUNDLE 0 1\n"
TRANSPORT = """a=ice-ufrag:abcd
a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaa
a=fingerprint:sha-256 AA:BB
a=setup:actpass
"""
CANDIDATE = "a=candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host\n"
AUDIO = f"""m=audio 9 UDP/TLS/RTP/SAVPF 111 63
c=IN IP4 0.0.0.0
a=mid:0
a=sendonly
a=rtpmap:111 opus/48000/2
a=fmtp:111 useinbandfec=1
a=rtpmap:63 red/48000/2
{TRANSPORT}"""
VIDEO = f"""m=video 9 UDP/TLS/RTP/SAVPF 97
c=IN IP4 0.0.0.0
a=mid:1
a=sendonly
a=rtcp-mux
a=rtpmap:97 VP8/90000
{TRANSPORT}"""
ANSWER = """v=0
o=- 2 2 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 1
m=video 6000 UDP/TLS/RTP/SAVPF 97
c=IN IP4 192.0.2.9
a=recvonly
a=mid:1
a=rtpmap:97 VP8/90000
a=candidate:9 1 udp 2130706431 192.0.2.9 6000 typ host
a=ice-ufrag:hub0
a=ice-pwd:bbbbbbbbbbbbbbbbbbbbbb
a=fingerprint:sha-256 CC:DD
a=setup:passive
"""


def checked(*parts: str) -> str:
    return check_offer("".join(parts).encode(), "video")


def test_of_sound_and_picture_the_picture_is_kept_with_the_candidates_that_both_share() -> None:
    kept, declined = only(checked(HEAD, AUDIO, CANDIDATE, VIDEO), "video")
    assert "m=audio" not in kept and "a=group:BUNDLE 1\r\n" in kept and CANDIDATE.strip() in kept
    assert [(one.place, one.bundled) for one in declined] == [(0, True)]
    assert check_offer(kept.encode(), "video") == kept


def test_the_answer_has_the_declined_sound_at_its_place_on_the_same_transport_and_silent() -> None:
    _, declined = only(checked(HEAD, AUDIO, CANDIDATE, VIDEO), "video")
    answer = with_declined(ANSWER, declined)
    assert "a=group:BUNDLE 0 1\r\n" in answer and answer.index("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n") < answer.index(
        "m=video"
    )
    sound = answer[answer.index("m=audio") : answer.index("m=video")].splitlines()
    assert {"a=inactive", "a=mid:0", "a=rtpmap:111 opus/48000/2", "a=ice-ufrag:hub0", "a=setup:passive"} <= set(sound)
    assert not any(line.startswith("a=rtpmap:63") for line in sound)


def test_sound_behind_the_picture_and_on_a_transport_of_its_own_is_refused_with_port_zero() -> None:
    kept, declined = only(checked(HEAD.replace("BUNDLE 0 1", "BUNDLE 1"), VIDEO, AUDIO, CANDIDATE), "video")
    assert CANDIDATE.strip() not in kept and [(one.place, one.bundled) for one in declined] == [(1, False)]
    answer = with_declined(ANSWER, declined)
    assert "a=group:BUNDLE 1\r\n" in answer and answer.index("m=video") < answer.index("m=audio 0 ")


def test_an_offer_of_the_picture_alone_and_its_answer_stay_as_they_are() -> None:
    text = checked(HEAD.replace(" 0 1", " 1"), VIDEO)
    assert only(text, "video") == (text, ()) and with_declined(ANSWER, ()) == ANSWER


FRAGMENT = (
    f"a=ice-ufrag:abcd\r\nm=video 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:1\r\n{CANDIDATE.strip()}\r\na=end-of-candidates\r\n"
)


def test_later_candidates_are_told_with_their_session() -> None:
    fragment = check_fragment(FRAGMENT.encode())
    assert fragment.ufrag == "abcd" and fragment.candidates == ("1 1 udp 2130706431 192.0.2.1 5000 typ host",)
    assert ufrag_of("v=0") is None


@pytest.mark.parametrize(
    "candidate",
    [
        "1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active",
        "1 1 udp 1 0f0f.local 5000 typ host",
        "1 1 udp 1 evil.example.org 5000 typ host",
        "1 1 udp 1 192.0.2.1 0 typ host",
        "1 1 udp 1 192.0.2.1 65536 typ host",
    ],
)
def test_a_candidate_that_cannot_be_tried_is_left_out_silently(candidate: str) -> None:
    assert check_fragment(f"{FRAGMENT}a=candidate:{candidate}\r\n".encode()).candidates == (
        "1 1 udp 2130706431 192.0.2.1 5000 typ host",
    )


@pytest.mark.parametrize("body", [b"", b"rubbish", b"a=\x00", b"\xff\xfe", b"a=candidate:1 1 udp\r\n"])
def test_a_broken_fragment_is_refused_as_a_bad_request(body: bytes) -> None:
    with pytest.raises(MalformedFragment) as refused:
        check_fragment(body)
    assert (refused.value.key, refused.value.http_status) == ("sdp_malformed", 400)


def test_a_fragment_of_too_many_candidates_is_refused() -> None:
    with pytest.raises(RefusedInput) as refused:
        check_fragment((FRAGMENT + CANDIDATE * CANDIDATES_MAX).encode())
    assert refused.value.key == "sdp_too_many_candidates"


@given(st.binary(max_size=300))
def test_noise_as_a_fragment_never_crashes(noise: bytes) -> None:
    try:
        assert check_fragment(noise).candidates == ()
    except RefusedInput as refused:
        assert refused.key.startswith("sdp_")
