"""How many bits a second the camera may send, from the two things that its receiver reports.

Pure. The receiver's own estimate (REMB, by growing delay) is a ceiling; the share of lost packets moves a second
ceiling down and up, because a short queue drops packets before it delays them; an estimate that falls all at once takes
that one along. The target is the lower of the two,
within bounds. Which pictures fit into it is the ladder's (`media.quality`), the bits are the encoder's.
"""

from __future__ import annotations

from dataclasses import dataclass

# draft-ietf-rmcat-gcc-02 section 6: below 2 % lost raise, above 10 % lower by half the loss, hold in between
LOSS_RISES, LOSS_FALLS = 0.02, 0.10
FALLEN = 0.7  # an estimate below so much of what is sent: the link has become thin at once, its queue is full
FALLEN_SHARE = 0.5  # of that estimate: it is the mean of a second, most of which was before the fall
RISE = 1.08  # per report, about one a second: from floor to ceiling in 22 s


@dataclass(frozen=True, slots=True)
class BitRate:
    """Bounds of the video, bit/s. The defaults suit 640 x 360 at 15 frames/s; below the floor it is no picture."""

    start_bps: int = 700_000
    floor_bps: int = 150_000
    ceiling_bps: int = 800_000


class RateControl:
    """The target of one connection; a new connection begins anew."""

    def __init__(self, bounds: BitRate) -> None:
        self.bounds = bounds
        self._loss_bps = float(bounds.start_bps)
        self._estimate_bps: int | None = None

    @property
    def target_bps(self) -> int:
        """What to send now, within the bounds."""
        allowed = self._loss_bps if self._estimate_bps is None else min(self._loss_bps, self._estimate_bps)
        return round(max(self.bounds.floor_bps, min(allowed, self.bounds.ceiling_bps)))

    @property
    def carries_bps(self) -> int | None:
        """What the link carries as far as the reports tell, also below the floor; None before the first estimate."""
        return None if self._estimate_bps is None else round(min(self._loss_bps, self._estimate_bps))

    def rest(self) -> None:
        """Nothing is sent: the last estimate is old, and reports of no loss say nothing. Begin again at the floor."""
        self._estimate_bps = None
        self._loss_bps = float(self.bounds.floor_bps)

    def estimated(self, bps: int) -> bool:
        """The receiver's estimate of what the link carries; True when the link has become thin at once."""
        sent_bps = self.target_bps
        self._estimate_bps = bps
        fallen = sent_bps > self.bounds.floor_bps and bps < FALLEN * sent_bps
        if fallen:
            self._loss_bps = max(float(self.bounds.floor_bps), min(self._loss_bps, FALLEN_SHARE * bps))
        return fallen

    def reported(self, fraction_lost: float) -> None:
        """A receiver report: the share of packets lost since the one before, 0..1."""
        if fraction_lost > LOSS_FALLS:
            self._loss_bps = self.target_bps * (1 - 0.5 * fraction_lost)
        elif fraction_lost < LOSS_RISES:
            self._loss_bps *= RISE
        self._loss_bps = max(self.bounds.floor_bps, min(self._loss_bps, self.bounds.ceiling_bps))
