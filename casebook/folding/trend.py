"""The newest samples of one casualty in the order of time: more go in, the oldest of no more use go out.

What a sample may hold is casebook/vitals.py's; how many are kept is TREND_LENGTH of casebook/picture.py, and once the
case is over what screens still tell of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice, takewhile

from casebook.picture import STILL_TOLD, TREND_LENGTH, Sample


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
    samples = tuple(samples)
    if (quick := _followed(trend, samples)) is not None:
        return quick
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


def still_told(trend: Iterable[Sample], over_at: datetime) -> tuple[Sample, ...]:
    """What stays of the samples of a case that is over since `over_at`: the last few, and the newest of each field.

    The same of those up to `over_at` by themselves: a vehicle's clock may be ahead, and no screen tells what is to
    come. Samples that come later are judged with those that stayed, which gives what judging all at once would.
    """
    ordered = sorted(trend, key=lambda one: one.at)
    up_to = sum(one.at <= over_at for one in ordered)
    numbers = {*_newest(ordered), *_newest(ordered[:up_to])}
    return tuple(one for number, one in enumerate(ordered) if number in numbers)


def _newest(ordered: Sequence[Sample]) -> Iterable[int]:
    """Where the last few are, and the newest that tell a field."""
    told: set[str] = set()
    first = len(ordered) - STILL_TOLD
    for number in range(len(ordered) - 1, -1, -1):
        news = [name for name, value in ordered[number].vitals.items() if value is not None and name not in told]
        told.update(news)
        if news or number >= first:
            yield number


def _followed(trend: tuple[Sample, ...], samples: tuple[Sample, ...]) -> tuple[Sample, ...] | None:
    """The same in one step, where nothing came late and whoever goes out tells nothing that the newest of the trend
    does not tell, too; None otherwise."""
    if type(trend) is not tuple or not trend:
        return None
    at = trend[-1].at
    for sample in samples:
        if sample.at < at:
            return None
        at = sample.at
    over = max(0, len(trend) + len(samples) - TREND_LENGTH)
    if over >= len(trend):
        return None
    told = trend[-1].vitals.keys()
    if all(sample.vitals.keys() <= told for sample in islice(trend, over)):
        return trend[over:] + samples
    return None


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
