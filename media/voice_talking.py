"""Tell from the sound levels that come with a talker's packets whether somebody talks, and how long they did.

Pure; nothing is decoded: the sender measures its own level (RFC 6464), the hub reads it in the packet's header. A level
is minus dBov: 0 the loudest, 127 silence. Without levels it is unknown who talks.
"""

from __future__ import annotations

from dataclasses import dataclass

TALKS_BELOW = 50  # louder than -50 dBov; a browser's own silence is 127, a suppressed background about 60 to 90
HOLD_S = 0.4  # between syllables
TURN_GAP_S = 3.0  # a pause longer than this ends what is logged as one turn
TURN_S_MAX = 60.0  # an open microphone in a loud place: told at least once a minute


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody spoke: from `began_s` for `lasted_s`, on the clock of whoever measured."""

    began_s: float
    lasted_s: float


class Talking:
    """One talker's voice over time."""

    def __init__(self) -> None:
        self._told = False  # a level has ever come
        self._began_s: float | None = None
        self._loud_at_s = float("-inf")
        self.spoken_s = 0.0

    def hear(self, level: int | None, at_s: float) -> None:
        """A packet came with this level; None when it had none."""
        if level is None:
            return
        self._told = True
        if level < TALKS_BELOW:
            self._began_s = at_s if self._began_s is None else self._began_s
            self._loud_at_s = at_s

    def talks(self, at_s: float) -> bool | None:
        """Whether somebody talks now; None: the sender tells no level."""
        return at_s - self._loud_at_s <= HOLD_S if self._told else None

    def turn_over(self, at_s: float, *, leaves: bool = False) -> Turn | None:
        """The turn that has ended by now, once; `leaves`: the talker goes, what was begun ends here."""
        began_s = self._began_s
        if began_s is None:
            return None
        over = at_s - self._loud_at_s > TURN_GAP_S or at_s - began_s > TURN_S_MAX or leaves
        if not over:
            return None
        self._began_s = None
        turn = Turn(began_s, max(0.0, self._loud_at_s - began_s))
        self.spoken_s += turn.lasted_s
        return turn
