"""Screens follow the picture: one snapshot, then numbered deltas; a gap or a full queue means a new snapshot.

A feed is one pure view of the picture, shared by all screens that look at the same thing: computed once, compared
once, encoded once. A delta is a JSON merge patch (RFC 7386), so a view holds no null: what is unknown is absent.

Messages (JSON):
  {"t": "snapshot", "v": 7, "now": "...Z", "rate": 6.0, "view": {...}, "samples": [...]}
  {"t": "delta", "v": 8, "now": "...Z", "patch": {...}, "samples": [...]}     v is one more than the message before
  {"t": "beat", "v": 8, "now": "...Z"}                                        nothing changed, but the hub is alive
`now` and every `at` are clock time (a drill's clock in a drill). `samples` are vitals as they were recorded, each once:
  {"casualty", "unit", "epoch", "seq", "at", "vitals": {...}}
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from operator import is_
from typing import Any

import msgspec

from casebook.casualty import OVER
from casebook.clock import Clock
from casebook.events import VitalsRecorded
from casebook.log import Entry
from casebook.picture import Picture

View = dict[str, Any]
LEAVES = frozenset({str, int, float, bool})
SAMPLE = VitalsRecorded.name
QUEUE_LENGTH = 64  # messages waiting for one screen before it gets a snapshot instead


class PlainView(dict[str, Any]):
    """A view from which every unknown was left out already."""


def plain(value: Any) -> Any:
    """JSON values with every unknown (None) left out, ready for merge patches."""
    return value if isinstance(value, PlainView) else _without_nulls(msgspec.to_builtins(value, str_keys=True))


def _without_nulls(value: Any) -> Any:
    """Half of what looking costs is here, so a leaf is not worth a call."""
    if type(value) is dict:
        return {
            name: one if type(one) in LEAVES else _without_nulls(one) for name, one in value.items() if one is not None
        }
    if isinstance(value, (list, tuple)):
        return [one if type(one) in LEAVES else _without_nulls(one) for one in value]
    return value


def merge_patch(old: View, new: View) -> View:
    """The smallest merge patch that turns `old` into `new`; lists are replaced whole."""
    patch: View = {name: None for name in old if name not in new}
    for name, value in new.items():
        if name not in old:
            patch[name] = value
        elif value is old[name] or value == old[name]:  # dicts do not see by themselves that they are one
            continue
        elif isinstance(value, dict) and isinstance(old[name], dict):
            patch[name] = merge_patch(old[name], value)
        else:
            patch[name] = value
    return patch


def patched(view: View, patch: View) -> View:
    """`view` with the patch applied (what a screen does)."""
    result = dict(view)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            result[name] = patched(result[name] if isinstance(result.get(name), dict) else {}, value)
        else:
            result[name] = value
    return result


class Subscription:
    """One screen's queue. `next()` waits for the next message; a queue that ran over starts again with a snapshot.

    `pass_on`: the short way to the screen (casebook/wire.py). While nothing waits and the screen asks for its next
    message, what is offered goes that way, and `next()` goes on waiting.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._queue: deque[bytes] = deque()
        self._behind = True  # first thing a screen gets is a snapshot
        self._waiter: asyncio.Future[None] | None = None  # of `next`, while it waits
        self._passed_s = 0.0  # when a message last went the short way, by the loop's clock
        self.pass_on: Callable[[bytes], bool] | None = None

    def offer(self, message: bytes) -> None:
        if self._behind:
            return
        if self._waiter is not None and not self._queue and self.pass_on is not None and self.pass_on(message):
            self._passed_s = self._waiter.get_loop().time()
        elif len(self._queue) < QUEUE_LENGTH:
            self._queue.append(message)
            self._wake()
        else:
            self.resync()

    def resync(self) -> None:
        """Forget what waits; the next message is a snapshot, at once also for who is waiting."""
        self._queue.clear()
        self._behind = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def next(self, beat_s: float = 1.0) -> bytes:
        """The next message, or a beat after `beat_s` wall seconds of silence."""
        if not self._behind and not self._queue:
            await self._wait(beat_s)
        if self._behind:
            self._behind = False
            self._queue.clear()
            return self._feed.snapshot()
        return self._queue.popleft() if self._queue else self._feed.beat()

    async def _wait(self, beat_s: float) -> None:
        """Until something is there for this screen, or nothing was for so long."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + beat_s
        while not self._behind and not self._queue and (left_s := until_s - loop.time()) > 0:
            self._waiter = loop.create_future()
            timer = loop.call_later(left_s, self._wake)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
            until_s = max(until_s, self._passed_s + beat_s)

    def close(self) -> None:
        self._feed.drop(self)


class Fresh:
    """What came since the screens were told last; its samples are made for them and encoded once, for whoever follows,
    and not at all where nobody does.

    `casualties`: whose samples are among them.
    """

    def __init__(self, entries: Sequence[Entry] = ()) -> None:
        self._sampled = [(entry.body["casualty"], entry) for entry in entries if entry.kind == SAMPLE]
        self.casualties = frozenset(casualty for casualty, _ in self._sampled)
        self._raws: dict[int, msgspec.Raw] = {}  # seq -> its sample, as soon as somebody wanted it
        self._count = len(entries)

    def __len__(self) -> int:
        return self._count

    def of(self, casualties: AbstractSet[str]) -> list[msgspec.Raw]:
        """Their samples, in the order of the log."""
        if self.casualties.isdisjoint(casualties):
            return []
        return [self._raw_of(entry) for casualty, entry in self._sampled if casualty in casualties]

    def _raw_of(self, entry: Entry) -> msgspec.Raw:
        raw = self._raws.get(entry.seq)
        if raw is None:
            raw = self._raws[entry.seq] = _raw(sample_of(entry))
        return raw


def everybody(picture: Picture) -> AbstractSet[str]:
    """But those whose case is over."""
    return frozenset(id for id, state in picture.casualties.items() if state.stage not in OVER)


class Feed:
    """One view for many screens. `look(picture, now)` is pure.

    `follows(picture)` gives the casualties whose vitals stream along; None: nobody's. `made_of(picture, now)` names
    what the view is made of: while it gives the same objects, the view is not looked at. `still`: of what streams in
    (samples, places) it shows the samples of those it follows and nothing else.
    """

    def __init__(
        self,
        look: Callable[[Picture, datetime], Any],
        clock: Clock,
        follows: Callable[[Picture], AbstractSet[str]] | None = everybody,
        made_of: Callable[[Picture, datetime], tuple[Any, ...]] | None = None,
        *,
        still: bool = False,
    ) -> None:
        self.still = still
        self._look, self._clock, self._follows, self._made_of = look, clock, follows, made_of
        self._parts: tuple[Any, ...] | None = None
        self._view: View = {}
        self._picture = Picture()
        self._version = 0
        self._screens: list[Subscription] = []
        self._followed: AbstractSet[str] = frozenset()

    def subscribe(self) -> Subscription:
        screen = Subscription(self)
        self._screens.append(screen)
        return screen

    def drop(self, screen: Subscription) -> None:
        if screen in self._screens:
            self._screens.remove(screen)

    @property
    def watched(self) -> bool:
        return bool(self._screens)

    @property
    def follows_somebody(self) -> bool:
        """Whether a sample may ever concern it."""
        return self._follows is not None

    def is_touched_by(self, fresh: Fresh) -> bool:
        """Whether somebody whom it follows is among those sampled."""
        return bool(self._followed) and not fresh.casualties.isdisjoint(self._followed)

    @property
    def watchers(self) -> int:
        return len(self._screens)

    def refresh(self, picture: Picture, fresh: Fresh | Sequence[Entry] = (), *, look: bool = True) -> bool:
        """Send what changed since the last look, with the samples among the fresh entries. True: that took work.

        `look` False sends the samples only: at many samples a second the view need not be computed for each.
        """
        self._picture = picture
        fresh = fresh if isinstance(fresh, Fresh) else Fresh(fresh)
        look = look and self._is_new()
        if not look and not self.is_touched_by(fresh):
            return False
        patch, joined = self._look_again() if look else ({}, frozenset())
        samples: list[Any] = [sample for id in sorted(joined) for sample in self._trend(id)]  # what was missed of them
        samples += fresh.of(self._followed - joined)
        if patch or samples:
            self._version += 1
            self._send({"t": "delta", "v": self._version, "now": self._now(), "patch": patch, "samples": samples})
        return True

    def _is_new(self) -> bool:
        """Whether the view may differ from the one before."""
        if self._made_of is None:
            return True
        before, self._parts = self._parts, self._made_of(self._picture, self._clock.now())
        return before is None or not same(before, self._parts)

    def _look_again(self) -> tuple[View, AbstractSet[str]]:
        """(what changed in the view, whom the screens follow only from now on)"""
        view = plain(self._look(self._picture, self._clock.now()))
        patch, self._view = merge_patch(self._view, view), view
        return patch, self._newly_followed()

    def snapshot(self) -> bytes:
        """The whole view with the trend of everyone followed, from the newest picture known."""
        trend = [sample for id in sorted(self._follow_now()) for sample in self._trend(id)]
        return msgspec.json.encode(
            {"t": "snapshot", "v": self._version, "now": self._now(), "rate": self._clock.rate, "view": self._view,
             "samples": trend}
        )  # fmt: skip

    def _newly_followed(self) -> AbstractSet[str]:
        now = self._follow_now()
        joined, self._followed = now - self._followed, now
        return joined

    def _follow_now(self) -> AbstractSet[str]:
        return frozenset() if self._follows is None else self._follows(self._picture)

    def _trend(self, casualty: str) -> list[dict[str, Any]]:
        return [
            {"casualty": casualty, "unit": s.unit, "epoch": s.epoch, "seq": s.seq, "at": s.at, "vitals": s.vitals}
            for s in self._picture.casualties[casualty].trend
        ]

    def beat(self) -> bytes:
        return msgspec.json.encode({"t": "beat", "v": self._version, "now": self._now()})

    def _now(self) -> datetime:
        return self._clock.now()

    def _send(self, message: dict[str, Any]) -> None:
        encoded = msgspec.json.encode(message)
        for screen in list(self._screens):
            screen.offer(encoded)


def same(these: Sequence[Any], those: Sequence[Any]) -> bool:
    """Whether they are the same objects, one by one."""
    return len(these) == len(those) and all(map(is_, these, those))


def _raw(message: dict[str, Any]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(message))


def sample_of(entry: Entry) -> dict[str, Any]:
    """A vitals entry as screens get it."""
    source = entry.source
    return {
        "casualty": entry.body["casualty"], "unit": entry.body["unit"], "epoch": source.epoch if source else "",
        "seq": source.seq if source else entry.seq, "at": entry.at, "vitals": entry.body["vitals"],
    }  # fmt: skip
