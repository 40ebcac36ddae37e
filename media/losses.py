"""Which packets are missing, when to ask for them again, and when to stop waiting.

Pure: numbers and times in, decisions out. A gap is held for twice the time that an answer usually takes, at least 60
and at most 200 ms; within it the packet is asked for once per round trip, because a request or its answer may be lost
as well. Behind a forwarder an answer takes longer than the round trip to it: it must first ask the vehicle itself. What
a given-up packet means for the picture is the receive buffer's and the forwarder's; sending requests is the adapter's.
"""

from __future__ import annotations

from dataclasses import dataclass

HOLD_MIN_S, HOLD_MAX_S = 0.060, 0.200  # below: reordering alone would break pictures; above: no longer live
HOLD_SLACK_S = 0.025  # so that the answer to the second request, two round trips later, is still in time
ASK_SLACK_S = 0.010  # so that half of the answers do not cross with a second request
ASK_AGAIN_MIN_S = 0.020  # on a link with next to no delay a round trip is shorter than the peer's own turn
RTT_UNKNOWN_S = 0.100  # until the first answer is timed; shorter would ask twice and never learn
NEW_WEIGHT = 0.125  # of a new sample; as TCP does (RFC 6298 section 2)
WORTH_ASKING_PACKETS = 64  # about 0.75 s at 700 kbit/s: a wider gap is an outage
OUTAGE_S = 0.5  # what was lost in a silence of this length is the past
REMEMBERED_S = 2.0  # an answer that comes after the wait is over still tells the round trip


@dataclass(slots=True)
class _Missing:
    noticed_at_s: float
    asked_at_s: float = float("-inf")
    times_asked: int = 0
    waited_for: bool = True


class Losses:
    """The gaps of one incoming stream. Sequence numbers are unwrapped (`media.numbering`), times monotonic seconds."""

    def __init__(self) -> None:
        self._missing: dict[int, _Missing] = {}
        self._given_up: list[int] = []
        self._highest: int | None = None
        self._last_at_s = float("-inf")
        self.rtt_s: float | None = None
        self.answer_s: float | None = None  # from the notice of a gap to its end, whoever ended it
        self.asked = self.lost = self.recovered = 0

    def arrived(self, seq: int, at_s: float) -> None:
        """Note a packet, first sent or sent again."""
        if self._highest is None or seq > self._highest:
            self._note_gap(seq, at_s)
            self._highest = seq
        elif gap := self._missing.pop(seq, None):
            self._time(gap, at_s)
            self.recovered += gap.waited_for
        self._last_at_s = at_s

    def requests(self, at_s: float) -> list[int]:
        """The packets to ask for now, in order; they count as asked."""
        due = [seq for seq, gap in self._missing.items() if gap.waited_for and self._ask_at_s(gap) <= at_s]
        for seq in due:
            self._missing[seq].asked_at_s = at_s
            self._missing[seq].times_asked += 1
        self.asked += len(due)
        return sorted(due)

    def given_up(self, at_s: float) -> list[int]:
        """The packets for which the wait has ended since the last call: each told once, in order."""
        told, self._given_up = self._given_up, []
        for seq, gap in list(self._missing.items()):
            if gap.waited_for and gap.noticed_at_s + self.hold_s <= at_s:
                gap.waited_for = False
                told.append(seq)
            if gap.noticed_at_s + REMEMBERED_S <= at_s:
                del self._missing[seq]
        self.lost += len(told)
        return sorted(told)

    def forget_before(self, seq: int) -> None:
        """Nothing before `seq` is needed any more."""
        for missing, gap in self._missing.items():
            if missing < seq:
                gap.waited_for = False
        self._given_up = [one for one in self._given_up if one >= seq]

    @property
    def is_calm(self) -> bool:
        """Nothing is missing and nothing is to be told."""
        return not self._missing and not self._given_up

    @property
    def next_at_s(self) -> float | None:
        """When to look again; None while nothing is missing."""
        times = [min(self._ask_at_s(gap), gap.noticed_at_s + self.hold_s) for gap in self._waited_for()]
        return min(times, default=None)

    @property
    def hold_s(self) -> float:
        """How long a gap is waited for."""
        answer_s = self._rtt_s if self.answer_s is None else self.answer_s
        return min(HOLD_MAX_S, max(HOLD_MIN_S, 2 * answer_s + HOLD_SLACK_S))

    @property
    def _rtt_s(self) -> float:
        return RTT_UNKNOWN_S if self.rtt_s is None else self.rtt_s

    def _waited_for(self) -> list[_Missing]:
        return [gap for gap in self._missing.values() if gap.waited_for]

    def _ask_at_s(self, gap: _Missing) -> float:
        return gap.asked_at_s + max(ASK_AGAIN_MIN_S, self._rtt_s + ASK_SLACK_S)

    def _note_gap(self, seq: int, at_s: float) -> None:
        if self._highest is None or seq == self._highest + 1:
            return
        gap = range(self._highest + 1, seq)
        if len(gap) > WORTH_ASKING_PACKETS or at_s - self._last_at_s > OUTAGE_S:
            self._given_up.append(gap[-1])
            self.lost += len(gap) - 1
            self.forget_before(gap[-1])
        else:
            self._missing.update((one, _Missing(at_s)) for one in gap)

    def _time(self, gap: _Missing, at_s: float) -> None:
        """Only what was asked for once tells the round trip: else nobody knows which request was answered."""
        self.answer_s = _smoothed(self.answer_s, at_s - gap.noticed_at_s)
        if gap.times_asked == 1:
            self.rtt_s = _smoothed(self.rtt_s, at_s - gap.asked_at_s)


def _smoothed(before_s: float | None, sample_s: float) -> float:
    return sample_s if before_s is None else before_s + NEW_WEIGHT * (sample_s - before_s)
