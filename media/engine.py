"""What carries pictures and waves from vehicles to viewers, whoever does it: the contract that every engine keeps.

Two keep it: the forwarder in the hub's own process (`media.forwarder`) and a Janus server beside it (`media.janus`).
tests/media holds both to the same sentences. How sessions are asked for over HTTP is `media.signalling`'s.
"""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from casebook.errors import CoordinationError, RefusedInput
from media.offers import CANDIDATES_MAX, Fragment, ufrag_of

SESSIONS_MAX = 256
SILENCE_S = 2.0  # a stream that sends nothing for so long has stopped
CONNECT_S = 15.0  # a session that has not connected by then is given up

Action = Literal["publish", "view"]
Told = Callable[[str], object]  # may return an awaitable


class MediaFull(CoordinationError):
    """The engine carries as many sessions as it may."""

    key = "media_full"
    http_status = 503


class StaleSession(RefusedInput):
    """Candidates for another ICE session than the one in force."""

    key = "media_session_stale"
    http_status = 412


@dataclass(eq=False, kw_only=True)
class Session:
    """One publisher or viewer. `id` is unguessable, `answer` the SDP it was answered with.

    An engine that takes no offers of viewers makes one of its own, `counter_offer`, which is to be answered in turn.
    """

    stream: str
    action: Action
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    answer: str = ""
    counter_offer: str = ""
    remote_ufrag: str | None = None
    candidates: int = 0  # told by the peer so far

    @property
    def etag(self) -> str:
        """Names the ICE session in force (RFC 9725 4.3.1); it stays, as ICE is never restarted here."""
        return f'"{ufrag_of(self.answer or self.counter_offer) or self.id}"'

    def heard(self, offer: str) -> None:
        """Note the peer's ICE name and how many candidates its offer had."""
        self.remote_ufrag = ufrag_of(offer)
        self.candidates = offer.count("a=candidate:")

    def may_add(self, fragment: Fragment) -> None:
        """Count the candidates of `fragment` in. Raises RefusedInput: another ICE session, or too many."""
        if fragment.ufrag is not None and fragment.ufrag != self.remote_ufrag:
            raise RefusedInput("media_no_ice_restart")
        if self.candidates + len(fragment.candidates) > CANDIDATES_MAX:
            count = self.candidates + len(fragment.candidates)
            raise RefusedInput("sdp_too_many_candidates", count=count, limit=CANDIDATES_MAX)
        self.candidates += len(fragment.candidates)


class MediaEngine(Protocol):
    """Streams are named by vehicle: ``A01`` is video, ``A01.waves`` waves and numerics.

    An engine is made with two callbacks: told the stream's name when its packets begin to come and when they stop.
    A stream's second publisher takes over from the first without a stop; a viewer may come before any publisher and
    stays when one goes. Nothing is decoded or encoded.
    """

    async def publish(self, stream: str, offer: bytes) -> Session:
        """Receive `stream` from a vehicle. Raises RefusedInput, MediaFull, FeedLost (the engine is silent)."""
        ...

    async def view(self, stream: str, offer: bytes) -> Session:
        """Send `stream` to a viewer, now or as soon as somebody publishes it. Raises as `publish`."""
        ...

    def find(self, session_id: str) -> Session | None:
        """The session, or None when it is over or never was."""
        ...

    async def complete(self, session_id: str, answer: bytes) -> None:
        """Take the viewer's answer to a counter-offer. Raises RefusedInput, also where none was made; FeedLost."""
        ...

    async def trickle(self, session_id: str, fragment: Fragment) -> None:
        """Try these addresses of the peer, too. Raises RefusedInput; a session that is over has none to try."""
        ...

    async def end(self, session_id: str) -> None:
        """End a session; an unknown one is already over."""
        ...

    async def want_key_frame(self, stream: str) -> None:
        """Ask the vehicle for a key frame, at most a few times a second; without a publisher nothing happens."""
        ...

    def streams(self) -> list[str]:
        """The names of the streams that are live now."""
        ...

    def stats(self, stream: str) -> dict[str, Any]:
        """What `stream` has carried: `live`, `viewers` (a list), counts by name; empty for one never seen."""
        ...

    async def close(self) -> None:
        """End every session."""
        ...


async def tell(told: Told | None, stream: str) -> None:
    """Tell a callback, which may be a coroutine function."""
    said = told(stream) if told else None
    if inspect.isawaitable(said):
        await said
