"""Look at the views of many screens in turn, so that looking never takes the hub's whole time.

Samples go to every screen at once, and with them the view of a screen that shows little more than whom they are of. The
views of the others cost more, and no sample waits for them: a console of 400 cases takes as long as fifty
acknowledgements. Each pass looks at those that waited longest until its time is spent; the rest come next.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Sequence, Set

from casebook.live import Feed, Fresh
from casebook.log import Entry
from casebook.picture import Picture
from casebook.spans import span

SLICE_S = 0.002  # wall seconds of looking at views that are as they were, before others go on
STILL_S = 1.0  # wall seconds between two looks at a still view while nothing but streams arrives
PASS_S = 0.015  # wall seconds of looking in one pass with samples, and again without; a view begun is finished
# Wall seconds from one pass to the next, in which what comes is gathered: half of it is in every delay, and the less,
# the more messages; how long it is between the two, the pass before says.
GATHER_LEAST_S, GATHER_MOST_S = 0.008, 0.025


def gather_s(took_s: float) -> float:
    """After a pass that took so long: a third of the time goes into telling, and a hub under load gathers more."""
    return min(GATHER_MOST_S, max(GATHER_LEAST_S, 2 * took_s))


class Looking:
    """Of one hub. `wall_s` gives monotonic seconds."""

    def __init__(self, wall_s: Callable[[], float] = time.monotonic) -> None:
        self._wall_s = wall_s
        self._owed: dict[Feed, None] = {}  # a set that keeps its order
        self._looked_s: dict[Feed, float] = {}
        self._due_s = -math.inf

    @property
    def due_in_s(self) -> float:
        """Wall seconds until the next pass should begin; 0.0 where nothing was told for a while."""
        return max(0.0, self._due_s - self._wall_s())

    async def tell(
        self, feeds: Iterable[Feed], picture: Picture, fresh: Sequence[Entry], *, anew: bool, streamed: bool = False
    ) -> None:
        """Tell every watched feed the fresh samples, and those whose turn it is their view. `anew`: any may differ;
        `streamed`: but a still view by time alone, and by samples of those it follows, after which it is looked at in
        any case. Where nothing is `anew`, `feeds` that follow nobody may be left out; what is owed to them stays."""
        watched, new = [feed for feed in feeds if feed.watched], Fresh(fresh)
        self._owed = {feed: None for feed in self._owed if feed.watched}
        if new.casualties:
            self._owe(one for one in watched if one.still and one.is_touched_by(new))
        if anew:
            before_s = self._wall_s() - STILL_S if streamed else math.inf
            self._owe(one for one in watched if not one.still or self._looked_s.get(one, 0.0) < before_s)
        if self._owed or (watched and fresh):
            began_s = self._wall_s()
            with span("feed", watched=len(watched), entries=len(fresh)) as work:
                work.tell(views=await self._pass(watched, picture, new))
            self._due_s = self._wall_s() + gather_s(self._wall_s() - began_s)

    async def _pass(self, watched: Sequence[Feed], picture: Picture, fresh: Fresh) -> int:
        """First the samples, with the views that go with them, then the views whose turn it is; how many views."""
        touched = [feed for feed in watched if feed.is_touched_by(fresh)]
        prompt = {feed for feed in touched if feed.still and feed in self._owed}
        views = await self._through(touched, prompt, picture, fresh)
        return views + await self._through(list(self._owed), self._owed.keys(), picture, Fresh())

    async def _through(self, feeds: Iterable[Feed], looked_at: Set[Feed], picture: Picture, fresh: Fresh) -> int:
        """Once through these; the views of some of them are looked at until the time for it is spent."""
        spent_s, views, went_on_s = 0.0, 0, self._wall_s()
        for feed in sorted(feeds, key=lambda one: self._looked_s.get(one, 0.0)):
            look, began_s = feed in looked_at and spent_s < PASS_S, self._wall_s()
            if not look and not fresh:
                break  # the time is spent, and there is nothing else to tell
            worked = feed.refresh(picture, fresh, look=look)
            if look:
                self._owed.pop(feed, None)
                self._looked_s[feed] = self._wall_s()
                spent_s += self._looked_s[feed] - began_s
                views += 1
            if worked or self._wall_s() - went_on_s >= SLICE_S:
                await asyncio.sleep(0)  # media and vehicles go on between two feeds
                went_on_s = self._wall_s()
        return views

    def _owe(self, feeds: Iterable[Feed]) -> None:
        self._owed.update(dict.fromkeys(feeds))

    @property
    def owing(self) -> bool:
        """Whether a view waits for its turn."""
        return bool(self._owed)
