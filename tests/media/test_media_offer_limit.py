"""One asker's flood of offers leaves room for everybody else."""

from __future__ import annotations

import pytest

from media.engine import CONNECT_S, SESSIONS_MAX
from media.offer_limit import ASKERS_MAX, BURST, PER_S, OfferLimit, TooManyOffers


def taken(limit: OfferLimit, asker: str, times_s: list[float]) -> int:
    count = 0
    for at_s in times_s:
        try:
            limit.take(asker, at_s)
            count += 1
        except TooManyOffers:
            pass
    return count


def test_a_screen_may_open_many_sessions_at_once_and_a_few_each_second_after_that() -> None:
    limit = OfferLimit()
    assert taken(limit, "wall", [100.0] * 1000) == BURST
    assert taken(limit, "wall", [101.0] * 1000) == PER_S
    assert taken(limit, "wall", [100.0 + BURST / PER_S + 1] * 1000) == BURST


def test_what_one_asker_takes_is_not_counted_against_another() -> None:
    limit = OfferLimit()
    taken(limit, "flood", [0.0] * 1000)
    assert taken(limit, "ward", [0.0] * 10) == 10


def test_no_flood_of_one_asker_can_fill_the_hub_with_sessions_that_never_connect() -> None:
    limit, times_s = OfferLimit(), [n / 100 for n in range(100 * 60)]
    accepted = [at_s for at_s in times_s if taken(limit, "flood", [at_s])]
    standing = max(sum(at_s - CONNECT_S < one <= at_s for one in accepted) for at_s in accepted)
    assert standing < SESSIONS_MAX * 2 / 3


def test_askers_who_stay_away_are_forgotten() -> None:
    limit = OfferLimit()
    for number in range(3 * ASKERS_MAX):
        limit.take(f"asker {number}", number / 10)
    assert len(limit._full_again_at_s) <= ASKERS_MAX


def test_the_refusal_says_how_much_is_allowed() -> None:
    limit = OfferLimit(burst=1, per_s=1)
    limit.take("wall", 0.0)
    with pytest.raises(TooManyOffers) as refused:
        limit.take("wall", 0.5)
    assert refused.value.http_status == 429 and "1" in refused.value.said("zh")
