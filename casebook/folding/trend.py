"""The newest samples of one casualty in the order of time: more go in, the oldest of no more use go out.

What a sample may hold is casebook/vitals.py's; how many are kept is TREND_LENGTH of casebook/picture.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice, takewhile

from casebook.picture import TREND_LENGTH, Sample


class Trend(tuple[Sample, ...]):
    """A trend at its full length that holds on to old samples.

    `lasting`: for each of the first samples one field that nothing newer tells. Handed on from trend to trend, because
    to find it again means to go through all the samples at every new one. A trend without is a plain tuple, which is
    copied three times as fast.
    """

    lasting: tuple[str, ...] = ()


def with_samples(trend: tuple[Sample, ...], samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """The trend with more samples, one after the other; at its length again after each, oldest first out.

    A sample with the newest value of some field (a coma score that was taken once) stays as long as nothing newer has
    come. History that comes late goes where it belongs in time.
    """
    after = list(trend)
    lasting = list(trend.lasting) if isinstance(trend, Trend) else []
    for sample in samples:
        if after and sample.at < after[-1].at:
            lasting = []
            after.append(sample)
            after.sort(key=lambda one: one.at)
        else:
            lasting = _still(lasting, sample) if lasting else lasting
            after.append(sample)
        if len(after) > TREND_LENGTH:
            _let_go(after, lasting)
    if not lasting:
        return tuple(after)
    full = Trend(after)
    full.lasting = tuple(lasting)
    return full


def _still(lasting: Iterable[str], sample: Sample) -> list[str]:
    return list(takewhile(lambda field: field not in sample.vitals, lasting))


def _let_go(samples: list[Sample], lasting: list[str]) -> None:
    """Drop the oldest sample that is of no more use. `lasting` is of those before it, and brought up to date."""
    for number in range(len(lasting), len(samples)):
        field = _find_lasting(samples, number)
        if field is None:
            del samples[number]
            return
        lasting.append(field)


def _find_lasting(samples: Sequence[Sample], number: int) -> str | None:
    """A field of this sample that none after it tells."""
    newest = samples[-1] if number + 1 < len(samples) else None  # in a stream it tells nearly everything
    for field in samples[number].vitals:
        if newest is not None and field in newest.vitals:
            continue
        if not any(field in later.vitals for later in islice(samples, number + 1, None)):
            return field
    return None
