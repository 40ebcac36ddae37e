"""Check what a peer offers before any parser sees it: names of streams, SDP offers, and candidates that come later.

Pure: text in, clean text or a refusal out. Answering over HTTP is `media.signalling`'s, connecting the engine's.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

from aiortc.sdp import SessionDescription

from casebook.errors import RefusedInput

SDP_BYTES_MAX = 64 * 1024
MEDIA_LINES_MAX = 8
CANDIDATES_MAX = 50  # each one makes this side send connectivity checks to an address of the peer's choice
WAVES_SUFFIX = ".waves"
ARRIVALS_URI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

MediaKind = Literal["video", "application"]

_STREAM = re.compile(r"[A-Za-z0-9_-]{1,64}(\.waves)?")
_LINE = re.compile(r"[a-z]=[^\x00-\x1f\x7f]*")
_FEEDBACK = re.compile(r"a=rtcp-fb:(\d+|\*) transport-cc")
_CODED = re.compile(r"a=rtpmap:\d+ (?!rtx/)", re.IGNORECASE)
_SETUPS = ({"actpass"}, {"active"}, {"passive"})
_BUNDLE, _MID, _UFRAG = "a=group:BUNDLE", "a=mid:", "a=ice-ufrag:"
_OF_TRANSPORT = ("a=candidate:", "a=end-of-candidates", "a=ice-", "a=fingerprint:", "a=setup:")


class MalformedFragment(RefusedInput):
    """Later candidates that are not an SDP fragment (RFC 8840)."""

    http_status = 400


def media_kind(stream: str) -> MediaKind:
    """What a stream of this name carries: ``A01`` is a vehicle's video, ``A01.waves`` its waves and numerics.

    Raises RefusedInput (`stream_name`) for anything else.
    """
    if not _STREAM.fullmatch(stream):
        raise RefusedInput("stream_name", stream=stream[:80])
    return "application" if stream.endswith(WAVES_SUFFIX) else "video"


def check_offer(body: bytes, kind: MediaKind) -> str:
    """The offer as clean text: sane in size and shape, with one media section of `kind`, beside video one of sound.

    Candidates with mDNS names are dropped, not looked up: the browser's own checks reveal its address to us.
    Raises RefusedInput (`sdp_...`) with what is wrong and where.
    """
    if len(body) > SDP_BYTES_MAX:
        raise RefusedInput("sdp_too_big", bytes=len(body), limit=SDP_BYTES_MAX)
    lines = _lines(body)
    _check_counts(lines)
    _check_media(lines, kind)
    _check_security(lines)
    kept = [line for number, line in enumerate(lines, 1) if not _is_dropped(line, number)]
    text = _joined(kept)
    try:
        parsed = SessionDescription.parse(text)
    except Exception as why:  # the parser raises whatever Python raised inside it
        raise _malformed(f"{type(why).__name__} {why}"[:120]) from why
    for media in parsed.media:
        if media.ice is None or not (media.ice.usernameFragment and media.ice.password):
            raise _malformed("a=ice-ufrag, a=ice-pwd")
    return text


def _lines(body: bytes) -> list[str]:
    try:
        lines = body.decode("utf-8").replace("\r\n", "\n").rstrip("\n").split("\n")
    except UnicodeDecodeError as why:
        raise _malformed(f"byte {why.start}") from why
    if lines[0] != "v=0":
        raise _malformed("line 1")
    for number, line in enumerate(lines, 1):
        if not _LINE.fullmatch(line):
            raise _malformed(f"line {number}")
    return lines


def _check_counts(lines: list[str]) -> None:
    media = sum(line.startswith("m=") for line in lines)
    candidates = sum(line.startswith("a=candidate:") for line in lines)
    if media > MEDIA_LINES_MAX:
        raise RefusedInput("sdp_too_many_media", count=media, limit=MEDIA_LINES_MAX)
    if candidates > CANDIDATES_MAX:
        raise RefusedInput("sdp_too_many_candidates", count=candidates, limit=CANDIDATES_MAX)


def _check_media(lines: list[str], kind: MediaKind) -> None:
    found = [line[2:].split(" ", 1)[0] for line in lines if line.startswith("m=")]
    may = [["video"], ["audio", "video"], ["video", "audio"]] if kind == "video" else [[kind]]
    if found not in may:
        raise RefusedInput("sdp_wrong_media", expected=kind, found=", ".join(found)[:80] or "-")


def _check_security(lines: list[str]) -> None:
    if not any(line.lower().startswith("a=fingerprint:sha-") for line in lines):
        raise RefusedInput("sdp_no_fingerprint")
    setups = {line.removeprefix("a=setup:") for line in lines if line.startswith("a=setup:")}
    if setups not in _SETUPS:
        raise RefusedInput("sdp_setup", found=", ".join(sorted(setups))[:80] or "-")


def _is_dropped(line: str, number: int) -> bool:
    """Not for aiortc: unresolvable mDNS candidates, and the end mark that would make it give up without any."""
    if line == "a=end-of-candidates":
        return True
    if not line.startswith("a=candidate:"):
        return False
    parts = line.split()
    if len(parts) < 8:
        raise _malformed(f"line {number}")
    if parts[4].endswith(".local"):
        return True
    try:
        ipaddress.ip_address(parts[4])
    except ValueError as why:
        raise _malformed(f"line {number}") from why
    return False


def _malformed(where: str) -> RefusedInput:
    return RefusedInput("sdp_malformed", where=where)


def _joined(lines: list[str]) -> str:
    return "\r\n".join(lines) + "\r\n"


# --- one section out of several --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Declined:
    """A media section that is not taken: its place among the others, its lines, and whether it shares the transport."""

    place: int
    lines: tuple[str, ...]
    bundled: bool


def only(text: str, kind: MediaKind) -> tuple[str, tuple[Declined, ...]]:
    """An offer that passed `check_offer` with its section of `kind` alone, and what is to be declined in the answer.

    Standard peers ask for sound beside the picture; voice goes another way. Candidates stand in the first section of
    those that share a transport, so they move to the one that is kept.
    """
    head, *sections = _sections(text)
    kept = next(section for section in sections if section[0].startswith(f"m={kind} "))
    others = [(place, section) for place, section in enumerate(sections) if section is not kept]
    bundle = next((line.split(" ")[1:] for line in head if line.startswith(_BUNDLE)), [])
    declined = tuple(Declined(place, tuple(one), _mid_of(one) in bundle) for place, one in others)
    moved = [line for one in declined if one.bundled for line in one.lines if line.startswith("a=candidate:")]
    left = [line for line in head if not line.startswith(_BUNDLE)]
    left += [f"{_BUNDLE} {mid}" for mid in bundle if mid == _mid_of(kept)]
    return _joined([*left, *kept, *(line for line in moved if line not in kept)]), declined


def with_declined(answer: str, declined: tuple[Declined, ...]) -> str:
    """The answer to the whole offer: what is declined stands at its place and carries nothing.

    A section that shares the transport stays as inactive: Chromium cannot do without the first of its bundle. Any other
    is rejected with port 0 (RFC 3264 section 6).
    """
    if not declined:
        return answer
    head, *sections = _sections(answer)
    transport = [line for line in sections[0] if line.startswith(_OF_TRANSPORT)]
    for one in declined:
        sections.insert(one.place, _inactive(one, transport))
    together = [mid for section in sections if (mid := _mid_of(section)) and _port_of(section) != "0"]
    head = [f"{_BUNDLE} {' '.join(together)}" if line.startswith(_BUNDLE) else line for line in head]
    return _joined([line for part in (head, *sections) for line in part])


def _inactive(one: Declined, transport: list[str]) -> list[str]:
    """The answer's section for one that is declined: its first codec, its name, no direction."""
    kind, _, profile, first = one.lines[0].split(" ")[:4]
    mid = [line for line in one.lines if line.startswith(_MID)]
    if not one.bundled:
        return [f"{kind} 0 {profile} {first}", "c=IN IP4 0.0.0.0", "a=inactive", *mid]
    codec = [line for line in one.lines if line.startswith((f"a=rtpmap:{first} ", f"a=fmtp:{first} "))]
    return [f"{kind} 9 {profile} {first}", "c=IN IP4 0.0.0.0", "a=inactive", "a=rtcp-mux", *mid, *codec, *transport]


def _port_of(section: list[str]) -> str:
    return section[0].split(" ")[1]


def _sections(text: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith("m="):
            parts.append([])
        parts[-1].append(line)
    return parts


def _mid_of(section: list[str]) -> str | None:
    return next((line.removeprefix(_MID) for line in section if line.startswith(_MID)), None)


# --- what the sender is told of its packets --------------------------------------------------------------------------


def arrivals_wanted(text: str) -> int | None:
    """The header extension's id where a video offer asks to be told how its packets come; else None."""
    ids = (line.partition(":")[2].split(" ") for line in text.splitlines() if line.startswith("a=extmap:"))
    found = next((words[0].partition("/")[0] for words in ids if words[1:2] == [ARRIVALS_URI]), "")
    asked = any(_FEEDBACK.fullmatch(line) for line in text.splitlines())
    return int(found) if asked and found.isascii() and found.isdigit() and 0 < int(found) < 256 else None


def with_arrivals(answer: str, extension: int) -> str:
    """The answer to an offer of one video section: its sender is told of its packets, not what we think of the link."""
    lines = [line for line in answer.splitlines() if not line.endswith(" goog-remb")]
    types = [line.partition(":")[2].split(" ")[0] for line in lines if _CODED.match(line)]
    lines += [f"a=extmap:{extension} {ARRIVALS_URI}", *(f"a=rtcp-fb:{one} transport-cc" for one in types)]
    return _joined(lines)


# --- candidates that come later --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fragment:
    """Candidates told after the offer: for which ICE session, and the lines that may be tried (UDP, an address)."""

    ufrag: str | None
    candidates: tuple[str, ...]


def check_fragment(body: bytes) -> Fragment:
    """An SDP fragment of trickled candidates (RFC 8840 section 9). Raises MalformedFragment, RefusedInput.

    Candidates of another transport or with a name that is not resolved here are left out silently (RFC 9725 4.3.2).
    """
    if len(body) > SDP_BYTES_MAX:
        raise RefusedInput("sdp_too_big", bytes=len(body), limit=SDP_BYTES_MAX)
    try:
        lines = [line for line in body.decode("utf-8").replace("\r\n", "\n").split("\n") if line]
    except UnicodeDecodeError as why:
        raise MalformedFragment("sdp_malformed", where=f"byte {why.start}") from why
    wrong = next((number for number, line in enumerate(lines, 1) if not _LINE.fullmatch(line)), None)
    if wrong or not lines:
        raise MalformedFragment("sdp_malformed", where=f"line {wrong or 1}")
    _check_counts(lines)
    told = [line.removeprefix("a=candidate:") for line in lines if line.startswith("a=candidate:")]
    return Fragment(ufrag_of("\n".join(lines)), tuple(one for one in told if _may_be_tried(one)))


def _may_be_tried(candidate: str) -> bool:
    """Raises MalformedFragment for what is no candidate at all."""
    parts = candidate.split()
    if len(parts) < 8 or parts[6] != "typ":
        raise MalformedFragment("sdp_malformed", where="a=candidate")
    try:
        ipaddress.ip_address(parts[4])
    except ValueError:
        return False
    return parts[2].lower() == "udp" and parts[5].isascii() and parts[5].isdigit() and 0 < int(parts[5]) < 65_536


def ufrag_of(text: str) -> str | None:
    """The ICE user name of a description's (only) transport."""
    found = (line for line in text.splitlines() if line.startswith(_UFRAG))
    return next(found, "").removeprefix(_UFRAG) or None
