"""How long until definitive care: the way, the queue at the door, the wait for a bay, a transfer, cause by cause. Pure.

Until the door a way was timed by dispatch/journeys.py; which hospital wins is dispatch/destination.py's.

The wait for a bay: with chance `p_bay` one is free on arrival (casebook/capacity/ageing.py). Otherwise the next of c
places leaves after a time that is exponential with mean occupancy / c, as in the same queue. Where nobody knows the
count, p_bay is None and the whole mean wait is charged: unknown is never treated as free.

The range: the way's own p10 and p90, with the p10 and p90 of the wait. They are added, as if a slow drive and a full
room came together; the range so errs wide.
"""

from __future__ import annotations

import math

import msgspec

from casebook.capacity import Figure, Resource
from dispatch.tenths import tenth

LOW, HIGH = 0.1, 0.9  # the quantiles of a range


class Care(msgspec.Struct, frozen=True, gc=False):
    """Seconds from the decision to definitive care. `causes_s` beyond the way's own terms, in order, none of them 0.

    `definitive_s` is the expected time, `low_s` and `high_s` its p10 and p90. `p_bay` None: nobody knows. `least_s` and
    `most_s`: p10 and p90 without the wait for a bay, whose mean is `mean_s` where all are taken.
    """

    definitive_s: float
    p_bay: float | None
    causes_s: dict[str, float]
    least_s: float
    most_s: float
    mean_s: float

    # A rare long wait lifts the mean above the p90 of the wait (0 where a bay is nearly sure): the range takes it in.

    @property
    def low_s(self) -> float:
        return min(self.definitive_s, tenth(self.least_s + self._wait_s(LOW)))

    @property
    def high_s(self) -> float:
        return max(self.definitive_s, tenth(self.most_s + self._wait_s(HIGH)))

    def _wait_s(self, quantile: float) -> float:
        return wait_quantile_s(0.0 if self.p_bay is None else self.p_bay, self.mean_s, quantile)

    def within(self, eta_low_s: float | None, eta_high_s: float | None, sure_s: float) -> Care:
        """The same with the range of its way: `sure_s` comes on top of it, whether or not a bay is free."""
        least_s = self.least_s if eta_low_s is None else eta_low_s + sure_s
        most_s = self.most_s if eta_high_s is None else eta_high_s + sure_s
        return Care(self.definitive_s, self.p_bay, self.causes_s, least_s, most_s, self.mean_s)


def mean_wait_s(figure: Figure | None, row: Resource) -> float:
    """Mean time until the next place leaves when all are taken: occupancy over the number of places."""
    stated = figure.total if figure is not None and figure.total else None
    return (row.occupancy_min or 0.0) * 60 / max(1, stated or row.typical_total or 1)


def wait_quantile_s(p_bay: float, mean_s: float, quantile: float) -> float:
    """Of a wait that is 0 with chance `p_bay` and else exponential: the time that is not exceeded in `quantile`."""
    if p_bay >= quantile or mean_s <= 0:
        return 0.0
    return mean_s * math.log((1 - p_bay) / (1 - quantile))


def care_of(
    eta_s: float, low_s: float | None, high_s: float | None, *, p_bay: float | None, mean_s: float, offload_s: float,
    transfer_s: float = 0.0,
) -> Care:  # fmt: skip
    """The time to definitive care of a way that reaches the door after `eta_s` (p10 `low_s`, p90 `high_s`)."""
    wait_s = mean_s if p_bay is None else (1 - p_bay) * mean_s
    causes_s: dict[str, float] = {}
    for name, span_s in (("offload", offload_s), ("wait_for_bay", wait_s), ("onward_transfer", transfer_s)):
        if span_s and (told_s := tenth(span_s)) > 0:
            causes_s[name] = told_s
    expected_s, sure_s = tenth(eta_s + sum(causes_s.values())), offload_s + transfer_s
    least_s, most_s = eta_s if low_s is None else low_s, eta_s if high_s is None else high_s
    return Care(expected_s, p_bay, causes_s, least_s + sure_s, most_s + sure_s, mean_s)


def definitive_s(eta_s: float, *, p_bay: float | None, mean_s: float, offload_s: float) -> float:
    """The expected time alone, of one who is not transferred on."""
    wait_s = mean_s if p_bay is None else (1 - p_bay) * mean_s
    waits_s = (tenth(offload_s) if offload_s else 0) + (tenth(wait_s) if wait_s else 0)
    return tenth(eta_s + waits_s)
