"""Which STUN and TURN servers a peer may use, and for how long: credentials that end by themselves.

Pure. The scheme is coturn's `use-auth-secret`: the user name is the instant of its end and a name, the password a MAC
over it by a secret that hub and TURN server share, so neither asks the other. A peer gets them as JSON, or as `Link`
headers (RFC 9725 4.6) where it speaks WHIP or WHEP only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from casebook.errors import RefusedInput

TTL_S = 12 * 3600  # a shift; coturn lets an allocation that stands go on until its own end
NAME_MAX = 64
_URL = re.compile(r"(stun|turn)s?:[A-Za-z0-9.\-\[\]:]+(\?transport=(udp|tcp))?")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]")


@dataclass(frozen=True, slots=True)
class IceServers:
    """What one peer may use until `expires_at` (aware UTC; None: nothing that ends)."""

    urls: tuple[str, ...] = ()
    username: str = ""
    credential: str = field(default="", repr=False)
    expires_at: datetime | None = None
    relay_only: bool = False

    def as_view(self) -> dict[str, Any]:
        """As browsers want it: `ice_servers` goes into RTCPeerConnection as it is."""
        turn = {"username": self.username, "credential": self.credential}
        servers = [{"urls": url, **(turn if url.startswith("turn") else {})} for url in self.urls]
        view: dict[str, Any] = {"ice_servers": servers, "relay_only": self.relay_only}
        return view | ({"expires_at": self.expires_at} if self.expires_at else {})

    def as_links(self) -> list[str]:
        """`Link` headers; a name never holds a quote."""
        turn = f'; username="{self.username}"; credential="{self.credential}"; credential-type="password"'
        return [f'<{url}>; rel="ice-server"{turn if url.startswith("turn") else ""}' for url in self.urls]


@dataclass(frozen=True, slots=True)
class Turn:
    """The servers of a hub. `relay_only`: peers use nothing but TURN, so that none learns another's address."""

    urls: tuple[str, ...] = ()
    secret: str = field(default="", repr=False)
    ttl_s: int = TTL_S
    relay_only: bool = False

    def __post_init__(self) -> None:
        """Raises RefusedInput: an address that is none, TURN without a secret, relays only without TURN."""
        wrong = next((url for url in self.urls if not _URL.fullmatch(url)), None)
        if wrong is not None:
            raise RefusedInput("turn_url", url=wrong[:120])
        turn = any(url.startswith("turn") for url in self.urls)
        if turn and not self.secret:
            raise RefusedInput("turn_no_secret")
        if self.relay_only and not turn:
            raise RefusedInput("turn_no_relay")

    def servers_for(self, name: str, now: datetime) -> IceServers:
        """What `name` may use from `now` (aware UTC, of the wall's clock: the TURN server has no other) for `ttl_s`."""
        if not self.urls:
            return IceServers()
        expires_at = now + timedelta(seconds=self.ttl_s)
        username = f"{int(expires_at.timestamp())}:{_NOT_IN_NAMES.sub('_', name)[:NAME_MAX]}"
        return IceServers(self.urls, username, credential(self.secret, username), expires_at, self.relay_only)


def credential(secret: str, username: str) -> str:
    """The password of `username`: base64 of HMAC-SHA1 (draft-uberti-behave-turn-rest-00 section 2.2)."""
    return base64.b64encode(hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()).decode()
