"""The bench of encoders counts right: real encoders on a few small pictures, never how fast."""

from __future__ import annotations

import numpy as np
import pytest

from aboard.bench import media
from aboard.bench.media import Run, bench_media, cases_of, psnr_db
from casebook.words import catalogue


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "WIDTH", 640)
    monkeypatch.setattr(media, "HEIGHT", 360)
    monkeypatch.setattr(media, "RATES_BPS", (1_000_000,))


def test_every_run_gives_a_time_a_size_and_a_picture_for_each_that_is_counted(small: None) -> None:
    said: list[str] = []
    cases = {case.name: case for case in bench_media(media.WARM_UP + 5, said=said.append)}
    assert said == ["VP8 1000 kbit/s", "H264 1000 kbit/s"] and len(cases) == 6
    for codec in ("vp8", "h264"):
        cost, lost, sent = (cases[f"{kind}_{codec}_1m"] for kind in ("encode", "psnr_loss", "sent"))
        assert cost.ours.n == lost.ours.n == 5 and cost.ours.p50 and cost.peers["aiortc_p50"] > 0
        assert lost.ours.p50 is not None and abs(lost.ours.p50) < 10
        assert sent.ours.p50 is not None and 200 < sent.ours.p50 < 2000
    assert cases["encode_h264_1m"].goal["p50"] == pytest.approx(0.35 * cases["encode_h264_1m"].peers["aiortc_p50"])
    assert not cases["encode_vp8_1m"].goal


def test_the_loss_is_the_peers_picture_less_ours_and_unknown_stays_unknown() -> None:
    ours, stock = Run([1.0, 2.0], [40.0, 39.0], [1000, 1000]), Run([4.0, 8.0], [41.0, 41.5], [500, 1500])
    cost, lost, sent = cases_of("H264", 1_000_000, ours, stock)
    assert (lost.ours.p50, lost.ours.p99, sent.ours.p50, sent.peers["aiortc"]) == (1.0, 2.5, 240.0, 240.0)
    assert cost.ratios == {"aiortc_p50": 0.25, "aiortc_p99": 0.25}
    cost, lost, sent = cases_of("VP8", 1_000_000, Run(), Run())
    assert cost.ours.p50 is None and lost.ours.p50 is None and sent.ours.p50 is None and not sent.peers


def test_the_measure_of_pictures_is_known_on_a_known_error() -> None:
    picture = np.full((10, 10), 100, np.uint8)
    assert psnr_db(picture, picture) == 99.0
    assert psnr_db(picture, picture + 5) == pytest.approx(10 * np.log10(255**2 / 25))


def test_every_case_has_its_words_in_both_languages() -> None:
    for language in ("zh", "en"):
        known = catalogue(language)
        for codec in ("VP8", "H264"):
            for rate_bps in media.RATES_BPS:
                for case in cases_of(codec, rate_bps, Run(), Run()):  # type: ignore[arg-type]
                    assert f"bench.case.{case.name}" in known and f"bench.unit.{case.unit}" in known
