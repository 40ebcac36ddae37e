"""The live bus between hubs: carries what may vanish, and never decides.

Whatever is told may come late, twice or not at all, and all of it may be wiped: who hears something looks in the store.
Three back ends behind one interface: in this process, a Valkey of the hub's own, any Redis or Valkey by its URL.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from casebook.errors import RefusedInput

IN_PROCESS, EMBEDDED = "in-process", "embedded"
SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
Hear = Callable[[bytes], None]


class Bus(Protocol):
    """`where`: for people, without a password. `is_up`: what is told now is heard, as far as is known."""

    where: str

    @property
    def is_up(self) -> bool: ...

    def tell(self, topic: str, words: bytes) -> None:
        """To every hub that listens, this one too. Never waits and never fails: what cannot go out is dropped."""
        ...

    def listen(self, topic: str, hear: Hear) -> None:
        """Hear what is told from now on; `hear` is called on the event loop and must not wait."""
        ...

    async def run(self) -> None:
        """Connect, carry, connect again; until cancelled."""
        ...

    async def close(self) -> None: ...


def open_bus(setting: str, book: str, *, shared: bool) -> Bus:
    """The bus that a setting names: `in-process`, `embedded`, `embedded:FOLDER`, or a URL of SCHEMES.

    `book` names what it is about, so that several books on one server do not meet. "" takes the embedded one where the
    store is `shared` with other hubs, else none is started. Nothing is connected yet. Raises RefusedInput
    (`bus_unknown`).
    """
    from casebook.bus.in_process import InProcessBus

    kind = setting or (EMBEDDED if shared else IN_PROCESS)
    if kind == IN_PROCESS:
        return InProcessBus()
    if kind == EMBEDDED or kind.startswith(f"{EMBEDDED}:"):
        from casebook.bus.embedded import EmbeddedBus

        folder = kind.partition(":")[2]
        return EmbeddedBus(Path(folder) if folder else own_folder(book), book)
    if kind.partition("://")[0] in SCHEMES and "://" in kind:
        from casebook.bus.redis_bus import RedisBus, client_for

        return RedisBus(client_for(kind), book, where_of(kind))
    raise RefusedInput("bus_unknown", setting=where_of(kind))


def own_folder(book: str) -> Path:
    """Where hubs of one user on this machine that keep the same book find the same embedded bus."""
    return Path(tempfile.gettempdir()) / f"aboard-bus-{os.getuid()}-{book}"


def where_of(url: str) -> str:
    """The URL without user and password, and without what follows a question mark."""
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2].partition('?')[0]}"
