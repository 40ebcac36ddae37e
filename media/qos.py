"""Ask a mobile network for a guaranteed uplink: what a driver must do, for whom it is asked, and what comes next. Pure.

The network's quality on demand is a help, never a condition: whatever it says, pictures and voice go on as they can.
Keeping a vehicle's wish over time is `media.qos_keeper`'s, the CAMARA interface `media.qos_camara`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from casebook.casualty import Category
from casebook.errors import CoordinationError
from casebook.picture import Picture

PENDING_LOOK_S, LOOK_S = 2.0, 30.0  # between looks at a session: while the network works on it, and later
EXTEND_SHARE, EXTEND_S_MIN = 0.25, 20.0  # more time is asked for when so much of it is left
AGAIN_S = 30.0  # after a session was taken away
SILENT_S, SILENT_S_MAX = 5.0, 60.0  # doubled with each silence of the network
SILENCES_MAX = 10  # then a session that nobody needs, and that may not be, is left to run out


class Status(StrEnum):
    """Of a session, in the words of CAMARA."""

    REQUESTED = "REQUESTED"
    AVAILABLE = "AVAILABLE"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Grant:
    """A session at the network. `until`: its end, aware UTC, where that is known; `expired`: it ended in time."""

    session: str
    status: Status
    until: datetime | None = None
    expired: bool = False


class UplinkRefused(CoordinationError):
    """The network says no. `why`: see casebook/events/uplink.py; `retry_s`: not before so many seconds."""

    key = "uplink_refused"
    http_status = 409

    def __init__(self, why: str, retry_s: float) -> None:
        super().__init__(why=why)
        self.why, self.retry_s = why, retry_s


class NetworkQuality(Protocol):
    """One network. Each raises UplinkRefused, or FeedLost (`uplink_silent`) when it does not answer in time."""

    def knows(self, unit: str) -> bool:
        """Whether the vehicle has a device at this network; no other is asked for."""
        ...

    async def ask(self, unit: str) -> Grant:
        """A new session; UplinkRefused with `why` "conflict" where the device has one already."""
        ...

    async def find(self, unit: str) -> Grant | None:
        """The session that the device has."""
        ...

    async def look(self, session: str) -> Grant | None:
        """The session now; None when it is gone."""
        ...

    async def extend(self, session: str) -> Grant | None:
        """More time; None when it is gone. The network may give less than is asked."""
        ...

    async def give_back(self, session: str) -> None:
        """End it; one that is gone is ended."""
        ...

    async def close(self) -> None: ...


def units_in_need(picture: Picture) -> frozenset[str]:
    """The vehicles with a red patient aboard: from boarding to handover, transfer or the end of the case."""
    red = {one.id for one in picture.casualties.values() if one.category is Category.RED}
    return frozenset(unit.id for unit in picture.units.values() if red.intersection(unit.aboard))


class Step(StrEnum):
    """What is to be done for a vehicle next."""

    ASK = "ask"
    FIND = "find"
    LOOK = "look"
    EXTEND = "extend"
    GIVE_BACK = "give_back"
    WITHDRAW = "withdraw"
    WAIT = "wait"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Line:
    """Where a vehicle's wish stands. `state`: of `UplinkChanged`, "" before anything; instants on a monotonic clock.

    `lost`: the session is of no use any more and has to be ended before another can be had. `unsure`: there may be a
    session whose name we do not know; `sought`: it was looked for, and there was none.
    """

    state: str = ""
    why: str = ""
    session: str = ""
    lost: bool = False
    unsure: bool = False
    sought: bool = False
    due_s: float = 0.0  # nothing before that
    look_s: float = 0.0
    until_s: float | None = None
    extend_s: float | None = None  # when more time is to be asked for
    silences: int = 0


OVER = ("", "given_back", "withdrawn")


def next_step(line: Line, wanted: bool, now_s: float) -> Step:
    """What to do now, by what is wanted and what is known."""
    if now_s < line.due_s:
        return Step.WAIT
    if line.session and (line.lost or not wanted):
        return Step.GIVE_BACK
    if line.unsure and (wanted or line.silences < SILENCES_MAX):
        return Step.FIND
    if not wanted:
        return Step.DONE if line.state in OVER else Step.WITHDRAW
    if not line.session:
        return Step.ASK
    if line.extend_s is not None and now_s >= line.extend_s:
        return Step.EXTEND
    return Step.LOOK if now_s >= line.look_s else Step.WAIT


def heard(line: Line, grant: Grant, until_s: float | None, now_s: float) -> Line:
    """The line of a session that is asked for or granted; `until_s`: its end on our clock. More time is asked for once
    for each end that is told."""
    granted = grant.status is Status.AVAILABLE
    extend_s = line.extend_s
    if granted and until_s is not None and (line.until_s is None or until_s > line.until_s + 1.0):
        extend_s = until_s - max(EXTEND_S_MIN, EXTEND_SHARE * (until_s - now_s))
    return replace(
        line, state="granted" if granted else "pending", why="", session=grant.session, lost=False, unsure=False,
        sought=False, until_s=until_s, extend_s=extend_s, look_s=now_s + (LOOK_S if granted else PENDING_LOOK_S),
        silences=0,
    )  # fmt: skip


def lost(line: Line, grant: Grant | None, now_s: float) -> Line:
    """The line of a session that the network ended (or that is gone: None). One that ran out is had anew at once."""
    expired = grant is not None and grant.expired
    return replace(
        line, state="lost", why="expired" if expired else "network", session=grant.session if grant else "",
        lost=grant is not None, unsure=False, until_s=None, extend_s=None,
        due_s=now_s if grant else now_s + AGAIN_S, silences=0,
    )  # fmt: skip


def refused(line: Line, step: Step, no: UplinkRefused, now_s: float) -> Line:
    """The line after a no to a step."""
    due_s = now_s + no.retry_s
    if step is Step.EXTEND:  # it runs out, and is had anew; but where there were too many asks, ask later
        return replace(line, extend_s=due_s if no.why == "too_many" else None)
    if step is Step.ASK and no.why == "conflict" and not line.sought:
        return replace(line, unsure=True)  # the device has a session: perhaps ours
    if step in (Step.ASK, Step.FIND):
        return replace(line, state="refused", why=no.why, unsure=False, sought=False, due_s=due_s)
    return replace(line, due_s=due_s)


def silent(line: Line, now_s: float) -> Line:
    """The line after no answer: a wish that nobody heard is refused for now, what was granted may well go on."""
    unheard = line.state in ("asked", "refused")
    state, why = ("refused", "silent") if unheard else (line.state, line.why)
    wait_s = silence_s(line.silences)
    return replace(line, state=state, why=why, due_s=now_s + wait_s, silences=line.silences + 1)


def silence_s(silences: int) -> float:
    """How long to wait after so many silences in a row."""
    return min(SILENT_S_MAX, SILENT_S * 2 ** min(silences, 10))
