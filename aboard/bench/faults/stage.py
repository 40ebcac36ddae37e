"""A hub in a process of its own that is killed, stopped, starved and started again at the same address.

What its clients do is `crews`'s and `desks`'s; what they were promised is in `promises`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import msgspec

from aboard.bench.faults.ledger import Audit, Promises, audit
from aboard.bench.vitals import REGION, SCENE
from aboard.children import Child
from aboard.links import write_private
from casebook import events as e
from casebook.log import Entry
from casebook.store.opening import open_log
from casebook.store.seals import TRUSTED, WITNESS, checked, read_trusted, read_witness

WARD = "sgh_south"
ANSWER_S = 30.0
TRACEBACK = "Traceback (most recent call last)"


@dataclass(slots=True)
class Stage:
    """`folder` holds the hub's files; `store`: the URL of its database, else a file in the folder; `bus`: how it talks
    with the other hubs of that database; `facts`: with which an empty book begins, by the vehicles."""

    folder: Path
    units: Sequence[str]
    store: str = ""
    env: Mapping[str, str] | None = None
    bus: str = ""
    facts: Callable[[Sequence[str]], Sequence[e.Event]] = field(default_factory=lambda: facts_of)
    promises: Promises = field(default_factory=Promises)
    url: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    _hub: Child | None = None

    async def start(self) -> float:
        """Wall seconds until it is ready. Raises ChildFailed."""
        port = self.url.rpartition(":")[2] or "0"
        facts = self._outside / "facts.json"
        if not facts.exists():
            write_private(facts, msgspec.json.encode([[fact.name, e.encode(fact)] for fact in self.facts(self.units)]))
        words = ["hub", "--region", REGION, "--folder", str(self.folder), "--port", port, "--facts", str(facts)]
        words += ["--store", self.store] if self.store else []
        words += ["--bus", self.bus] if self.bus else []
        self._hub = Child("hub", words, self._outside, self.env)
        began_s = time.monotonic()
        self.url = (await self._hub.start())["url"]
        took_s = time.monotonic() - began_s
        self.tokens = msgspec.json.decode((self.folder / "links.json").read_bytes())
        return took_s

    @property
    def _outside(self) -> Path:
        """What the hub's process says stands beside its folder, which may lie on a disk that is full or gone."""
        return self.folder.with_name(f"{self.folder.name}.process")

    async def kill(self) -> None:
        """SIGKILL, also in the middle of its start."""
        assert self._hub is not None
        await self._hub.kill()

    async def end(self) -> None:
        if self._hub is not None:
            await self._hub.end()

    @property
    def pid(self) -> int:
        assert self._hub is not None and self._hub.pid is not None, "the hub runs"
        return self._hub.pid

    @property
    def is_there(self) -> bool:
        """Whether the hub's process runs."""
        return self._hub is not None and self._hub.pid is not None

    @property
    def link_url(self) -> str:
        return f"{self.url.replace('http', 'ws', 1)}/api/v1/unit"

    def token(self, who: str) -> str:
        return self.tokens[who]

    def client(self, who: str) -> httpx.AsyncClient:
        """A client with the badge of `who`: dispatcher, engineer, hospital:ID, unit:ID."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=ANSWER_S)

    def tracebacks(self) -> int:
        """How often the hub's own log told of an error of the program."""
        return self._said.read_text(encoding="utf-8", errors="replace").count(TRACEBACK)

    def said_bytes(self) -> int:
        """How long the hub's own log is."""
        return self._said.stat().st_size

    @property
    def _said(self) -> Path:
        return self._outside / "said.log"

    def entries(self) -> list[Entry]:
        """The whole log, chain and checkpoints checked, also against the witness. Raises ChainBroken."""
        return read_whole(self.folder, self.store)

    def audit(self) -> Audit:
        return audit(self.promises, self.entries())


def read_whole(folder: Path, store: str = "", *, others: Sequence[Path] = ()) -> list[Entry]:
    """The log of a hub's folder, checked against everything that its folder and those of other hubs of the same store
    know. Raises ChainBroken, RefusedInput."""
    folders = [folder, *others]
    trusted = [signer for one in folders for signer in read_trusted(one / TRUSTED)]
    told = [mark for one in folders if (one / WITNESS).exists() for mark in read_witness(one / WITNESS)]
    log = open_log(store or str(folder / "book.sqlite"), make=False)
    try:
        return list(checked(log.read(), [*log.checkpoints(), *told], trusted))
    finally:
        log.close()


@contextlib.asynccontextmanager
async def hub(folder: Path, units: int, store: str = "") -> AsyncIterator[Stage]:
    """A hub with so many vehicles, each on its way to one crash; ended with the block."""
    stage = Stage(folder, [f"V{number:04}" for number in range(units)], store)
    try:
        await stage.start()
        yield stage
    finally:
        await stage.end()


def facts_of(units: Sequence[str]) -> list[e.Event]:
    """One incident with a casualty for each vehicle; the vehicle is sent there."""
    facts: list[e.Event] = [e.IncidentOpened("crash", SCENE, "traffic", 1, "120", "")]
    for unit in units:
        facts.append(e.UnitEnrolled(unit, "ambulance", unit, unit, "songjiang", SCENE))
        facts.append(e.CasualtyFound(casualty_of(unit), "crash", unit))
        facts.append(e.UnitAssigned(unit, "crash", "transport", None))
    return facts


def casualty_of(unit: str) -> str:
    return f"crash-{unit}"


async def until(true, within_s: float, look_s: float = 0.01) -> float | None:
    """Wall seconds until it is so, None when it is not within the time."""
    began_s = time.monotonic()
    while not true():
        if time.monotonic() - began_s > within_s:
            return None
        await asyncio.sleep(look_s)
    return time.monotonic() - began_s
