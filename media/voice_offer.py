"""Check the offer of one who joins a conversation, and write into the answer how its Opus should be sent.

Pure. An offer has one line for the microphone, some to hear the others, and a data channel; each of its sections is
checked as an offer of its own by `media.signalling`.
"""

from __future__ import annotations

import re
from typing import Any, cast

from casebook.errors import RefusedInput
from media.signalling import SDP_BYTES_MAX, check_offer

LINES = 5  # others that one party can hear
# In-band FEC repairs single losses, DTX spares the link while nobody talks (RFC 7587 section 6.1); 24 kbit/s is enough
# for wide-band speech (RFC 7587 section 3.1.1) and what the ladder's first rung is computed from.
OPUS = "minptime=10;useinbandfec=1;usedtx=1;maxaveragebitrate=24000"
_SECTIONS = ("audio",) * (1 + LINES) + ("application",)
_RTPMAP = re.compile(r"(a=rtpmap:(\d+) opus/48000/2\r\n)")


def check_voice_offer(body: bytes) -> str:
    """The offer as clean text. Raises RefusedInput (`sdp_...`) with what is wrong."""
    if len(body) > SDP_BYTES_MAX:
        raise RefusedInput("sdp_too_big", bytes=len(body), limit=SDP_BYTES_MAX)
    begin, *sections = re.split(rb"(?m)^(?=m=)", body)
    found = [section[2:].split(b" ", 1)[0].decode("ascii", "replace") for section in sections]
    if found != list(_SECTIONS):
        raise RefusedInput("sdp_wrong_media", expected=f"{1 + LINES} x audio, application", found=", ".join(found)[:80])
    whole = [check_offer(begin + part, cast(Any, kind)) for kind, part in zip(_SECTIONS, sections, strict=True)]
    return whole[0] + "".join(text[text.index("\r\nm=") + 2 :] for text in whole[1:])


def with_opus(answer: str) -> str:
    """The answer, asking for narrow, loss-proof speech on every line."""
    return _RTPMAP.sub(rf"\1a=fmtp:\2 {OPUS}\r\n", answer)
