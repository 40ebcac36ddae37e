"""The newest samples of one casualty in the order of time: one more goes in, the oldest of no more use goes out.

What a sample may hold is casebook/vitals.py's; how many are kept is TREND_LENGTH of casebook/picture.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, takewhile

from casebook.picture import TREND_LENGTH, Sample


class Trend(tuple[Sample, ...]):
    """A trend at its full length.

    `lasting`: for each of the first samples one field that nothing newer tells; empty where nobody has looked. Handed
    on from trend to trend, because to find it again means to go through all the samples at every new one.
    """

    lasting: tuple[str, ...] = ()


def with_sample(trend: tuple[Sample, ...], sample: Sample) -> tuple[Sample, ...]:
    """The trend with one more sample, at its length again, oldest first out.

    A sample with the newest value of some field (a coma score that was taken once) stays as long as nothing newer has
    come. History that comes late goes where it belongs in time.
    """
    samples, lasting = [*trend, sample], []
    if trend and sample.at < trend[-1].at:
        samples.sort(key=lambda one: one.at)
    elif isinstance(trend, Trend):
        lasting = list(takewhile(lambda field: field not in sample.vitals, trend.lasting))
    if len(samples) <= TREND_LENGTH:
        return tuple(samples)
    for number in range(len(lasting), len(samples)):
        field = _find_lasting(samples, number)
        if field is None:
            del samples[number]
            break
        lasting.append(field)
    after = Trend(samples)
    after.lasting = tuple(lasting)
    return after


def _find_lasting(samples: Sequence[Sample], number: int) -> str | None:
    """A field of this sample that none after it tells."""
    newest = samples[-1] if number + 1 < len(samples) else None  # in a stream it tells nearly everything
    for field in samples[number].vitals:
        if newest is not None and field in newest.vitals:
            continue
        if not any(field in later.vitals for later in islice(samples, number + 1, None)):
            return field
    return None
