"""Signs of height, width and weight: what the tags say, and that an unreadable one shuts no road."""

from __future__ import annotations

import pytest

from routing.clearance import METRES, TONNES, sign_limit


@pytest.mark.parametrize(
    ("word", "units", "limit"),
    [
        ("3.5", METRES, 3.5),
        ("3,5 m", METRES, 3.5),
        ("350 cm", METRES, 3.5),
        ("11'6\"", METRES, 3.5052),
        ("11 ft", METRES, 3.3528),
        ("7.5", TONNES, 7.5),
        ("7.5 t", TONNES, 7.5),
        ("3500 kg", TONNES, 3.5),
        ("10000 lbs", TONNES, 4.5359237),
        ("", METRES, None),
        ("default", METRES, None),
        ("none", METRES, None),
        ("below_default", METRES, None),
        ("3.5 t", METRES, None),
        ("-2", METRES, None),
        ("0", TONNES, None),
    ],
)
def test_a_sign_is_read_in_metres_and_tonnes(word: str, units: dict[str, float], limit: float | None):
    assert sign_limit(word, units) == (None if limit is None else pytest.approx(limit))
