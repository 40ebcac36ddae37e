"""The bench of media counts right: what follows from what was seen, and each part of a run for real, never how fast."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from aboard.bench.figures import Case, Result, once
from aboard.bench.media import encode
from aboard.bench.media.alarm import Rung, alarm_cases
from aboard.bench.media.anchor import Followed, anchor_cases, follow
from aboard.bench.media.bad_links import CAP, Told, held_cases, loss_cases, offered_bytes, told_of, vehicle_over
from aboard.bench.media.chromium import LINKS, chromium_cases
from aboard.bench.media.clean import fleet_cases, forward_cases, growth_pct, hop_cases
from aboard.bench.media.document import BEGINS, ENDS, write_into
from aboard.bench.media.encode import Run, cases_of, psnr_db
from aboard.bench.media.extent import Extent
from aboard.bench.media.moving_scene import MovingCamera, drawn_world
from aboard.bench.media.outage import LONG_S, SHORT_S, outage_cases
from aboard.bench.media.running import CASES, LONG, UnknownCase, bench_media, chosen
from aboard.bench.media.seen import Seen, collapsed, frozen_s, live_again_s, stale
from aboard.bench.media.stage import Picture, Play, Played, play
from aboard.bench.media.waves import Came, beside_cases, send, wave_cases
from aboard.front.bench import app
from casebook.errors import RefusedInput
from casebook.words import catalogue

SMALL = Picture(width=448, height=252, fps=15)


def steady(seconds: float, *, age_ms: float | None = 50.0, fps: int = 10, from_s: float = 0.0) -> Seen:
    count = round(seconds * fps)
    return Seen([from_s + n / fps for n in range(count)], [age_ms] * count)


def joined(*parts: Seen) -> Seen:
    return Seen([at for part in parts for at in part.at_s], [age for part in parts for age in part.age_ms])


def played_of(one: Seen, **more) -> Played:
    sent = {
        "S1": {"bytes": [(0.0, 0, 0), (20.0, 1_000_000, 900_000)], "steps": [(0.0, "a", "start")], "connections": 1}
    }
    return replace(Played(0.0, 0.0, 20.0, {"S1": one}, sent, 2.0, [100.0] * 10), **more)


# --- what was seen


def test_a_gap_is_frozen_time_when_it_is_long_against_those_before_also_the_one_at_the_end() -> None:
    assert frozen_s([n / 10 for n in range(50)], 5.0) == 0
    assert frozen_s([*(n / 10 for n in range(11)), *(3 + n / 10 for n in range(11))], 4.1) == pytest.approx(2.0)
    assert frozen_s([n / 10 for n in range(11)], 8.0) == pytest.approx(7.0)


@pytest.mark.parametrize(
    ("seen", "lost"),
    [
        (steady(20), False),
        (steady(20, age_ms=1500), True),
        (steady(8), True),
        (joined(steady(8), steady(8, from_s=12)), False),
        (joined(steady(5, age_ms=5000), steady(15, from_s=5)), False),
        (Seen([], []), True),
    ],
)
def test_a_link_has_won_when_the_last_half_of_a_run_is_old_or_still(seen: Seen, lost: bool) -> None:
    assert collapsed(seen, 0.0, 20.0) is lost


def test_live_again_is_the_first_picture_that_is_fresh_and_what_is_older_is_counted_as_the_past() -> None:
    seen = joined(steady(3), Seen([9.0, 9.1, 9.4], [4000.0, 700.0, 80.0]))
    assert live_again_s(seen, 8.9) == pytest.approx(0.5) and stale(seen, 8.9) == 1
    assert live_again_s(steady(3), 8.9) is None


def test_the_growth_of_memory_leaves_the_beginning_out_and_is_unknown_of_a_moment() -> None:
    assert growth_pct([50, 80, *[100] * 4, 105, 107, 110, 110]) == pytest.approx(10.0)
    assert growth_pct([100.0] * 4) is None


def test_what_was_sent_is_told_against_what_the_link_carries_while_it_is_thin() -> None:
    rows = [(n / 2, n * 1000, n * 900) for n in range(60)]
    assert offered_bytes(rows, 6.0, 16.0) == 20_000 and offered_bytes([], 0, 1) == 0
    told = told_of(played_of(steady(20), sent={"S1": {"bytes": rows, "steps": [(0, "a", "b")] * 3}}), "S1", CAP)
    assert told.sent_times == pytest.approx(20_000 * 8 / 300_000 / 10) and told.steps == 2 and not told.collapsed


# --- goals


def test_a_goal_stands_beside_each_figure_as_the_peer_sets_it() -> None:
    (hop, _) = hop_cases([5.0, 9.0], [40.0, 60.0], [7.0])
    assert hop.goal == {"p50": 14.0, "p99": 30.0} and hop.met(loaded=False) is True
    delay, cost = forward_cases(
        4, {"forwarder": 4.0, "janus": 1.0, "transcode": 40.0}, {"forwarder": 0.9, "janus": 0.4, "transcode": 24.0}
    )
    assert (delay.goal, cost.goal) == ({"p50": 3.0}, {"p50": 0.8})
    assert delay.met(loaded=False) is False and cost.met(loaded=False) is False
    delay, cost = forward_cases(1, {"forwarder": None}, {"forwarder": None})
    assert delay.met(loaded=False) is False and not cost.goal


def test_a_vehicle_that_never_comes_back_is_a_goal_missed_not_one_left_out() -> None:
    came = joined(steady(6), steady(6, from_s=9.3))
    (live, _) = outage_cases(SHORT_S, played_of(came, vehicles_s=0.0))
    assert live.ours.p99 == pytest.approx(0.3) and live.met(loaded=False) is True
    (live, old) = outage_cases(SHORT_S, played_of(came, seen={"S1": came, "S2": steady(6)}))
    assert live.ours.p99 is None and live.met(loaded=False) is False and old.met(loaded=False) is True


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


def test_waves_that_differ_from_what_was_made_are_missing_and_an_alarm_counts_once() -> None:
    whole = Came([40.0] * 95, 100, {"hash": "a", "back_filled": 0}, 100, "a")
    age, not_live, missing = wave_cases(whole)
    assert age.met(loaded=False) and not_live.ours.p50 == pytest.approx(5.0) and missing.ours.p50 == 0
    assert (
        wave_cases(replace(whole, hash="b"))[2].ours.p50 == 1 and wave_cases(replace(whole, kept=97))[2].ours.p50 == 3
    )
    rung, at = Rung(), datetime(2026, 11, 23, tzinfo=UTC)
    rung.taken = [("V1", at), ("V1", at + timedelta(seconds=1)), ("V2", at)]
    for unit in ("V1", "V2", "V2", "V9"):
        rung.hear(msgspec.json.encode({"t": "delta", "samples": [{"unit": unit, "at": at, "seq": 1}]}))
    assert (rung.lost, rung.doubled, len(rung.delay_ms)) == (1, 1, 3)


def test_a_mark_is_followed_and_ink_without_an_anchor_is_left_behind() -> None:
    followed = Followed()
    follow(MovingCamera(drawn_world(), fps=15), followed, after=20)
    assert len(followed.cpu_ms) == 20 and followed.lost == 0
    assert max(followed.error_pct) < 2 < max(followed.ink_pct)


def every_case() -> list[Case]:
    told = [Told(steady(20), 0.0, False, 1.0, 2)]
    engines: dict[str, float | None] = {"forwarder": 1.0, "janus": 1.0, "transcode": 9.0}
    cases = [*hop_cases([1.0], [1.0], [1.0]), *loss_cases(told, told), *fleet_cases(played_of(steady(20)))]
    cases += [case for n in (1, 4, 8) for case in forward_cases(n, engines, engines)]
    cases += [case for name in ("cap", "thin600", "thin300") for case in held_cases(name, told, told)]
    cases += held_cases("bursts", [replace(one, sent_times=None) for one in told], [])
    cases += [case for length_s in (SHORT_S, LONG_S) for case in outage_cases(length_s, played_of(steady(20)))]
    out, shown = {"bytesSent": 9000, "frameHeight": 720, "framesPerSecond": 30}, {"totalFreezesDuration": 0.5}
    for name, up in LINKS.items():
        cases += chromium_cases(name, [{"out": out}] * 4, [{"in": shown}] * 4, up.rate_bps)
    came = Came([5.0], 1, {"hash": "", "back_filled": 0}, 1, "")
    cases += [
        *wave_cases(came),
        *beside_cases(came, came),
        *alarm_cases("clean", Rung()),
        *alarm_cases("lossy", Rung()),
    ]
    cases += anchor_cases(Followed([0.1], [9.0], [2.0]))
    for codec in ("VP8", "H264"):
        for rate_bps in encode.RATES_BPS:
            cases += cases_of(codec, rate_bps, Run([1.0], [40.0], [9]), Run([1.0], [40.0], [9]))  # type: ignore[arg-type]
    return cases


def test_every_case_has_its_words_in_both_languages() -> None:
    for language in ("zh", "en"):
        known = catalogue(language)
        for case in every_case():
            assert f"bench.case.{case.name}" in known and f"bench.unit.{case.unit}" in known, case.name
            for peer in case.peers:
                assert f"bench.peer.{peer.removesuffix('_p50').removesuffix('_p99')}" in known, peer


# --- the word itself


def test_only_what_is_named_is_measured_and_a_name_that_nobody_knows_is_refused() -> None:
    assert chosen("") == list(CASES) and chosen("encode, hop") == ["hop", "encode"]
    assert set(CASES) - set(chosen("", quick=True)) == set(LONG) and chosen("cap", quick=True) == ["cap"]
    with pytest.raises(UnknownCase) as refused:
        chosen("hop,hopp")
    assert refused.value.facts["asked"] == "hopp"


def test_a_busy_machine_measures_nothing_unless_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aboard.bench.media.running.load_now", lambda: 7.0)
    with pytest.raises(RefusedInput) as refused:
        bench_media("encode", Extent())
    assert refused.value.key == "bench_busy"


def test_the_table_is_written_between_the_marks_of_a_document_and_nothing_else_is_touched(tmp_path: Path) -> None:
    page = tmp_path / "media.md"
    page.write_text(f"before\n{BEGINS}\nold\n{ENDS}\nafter\n", encoding="utf-8")
    machine = {"load_before": 0.5, "cores": 2, "processor": None, "system": "Linux"}
    write_into(page, Result("media", 0, machine, every_case()))
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{BEGINS}\n") and text.endswith(f"{ENDS}\nafter\n") and "old" not in text
    assert "| passing on to 4 viewers: CPU a picture (ms) | 1 | 1 | 1 | p50 ≤ 1.35 | yes |" in text
    with pytest.raises(RefusedInput):
        write_into(page.with_name("other.md"), Result("media", 0, machine, [])) if page.with_name(
            "other.md"
        ).write_text("no marks") else None


def test_the_word_tells_its_cases_and_what_it_is_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    async def one(extent: Extent) -> list[Case]:
        extent.said("hop, ours")
        return [Case("hop", "ms", once(extent.seeds), {}, {"p99": 1})]

    monkeypatch.setitem(CASES, "hop", one)  # type: ignore[arg-type]
    done = CliRunner().invoke(app, ["media", "--only", "hop", "--quick", "--busy", "--json"])
    assert '"name": "hop"' in done.stdout and '"p50": 2' in done.stdout and "hop, ours" in done.stderr


# --- real parts


def test_every_encoder_gives_a_time_a_size_and_a_picture_for_each_that_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(encode, "WIDTH", 640)
    monkeypatch.setattr(encode, "HEIGHT", 360)
    monkeypatch.setattr(encode, "RATES_BPS", (1_000_000,))
    said: list[str] = []
    extent = Extent(pictures=encode.WARM_UP + 5, said=said.append)
    cases = {case.name: case for case in asyncio.run(encode.encode(extent))}
    assert said == ["encode, VP8 1000 kbit/s", "encode, H264 1000 kbit/s"] and len(cases) == 6
    for codec in ("vp8", "h264"):
        cost, lost, sent = (cases[f"{kind}_{codec}_1m"] for kind in ("encode", "psnr_loss", "sent"))
        assert cost.ours.n == lost.ours.n == 5 and cost.ours.p50 and cost.peers["aiortc_p50"] > 0
        assert lost.ours.p50 is not None and abs(lost.ours.p50) < 10
        assert sent.ours.p50 is not None and 200 < sent.ours.p50 < 2000
    assert cases["encode_h264_1m"].goal["p50"] == pytest.approx(0.35 * cases["encode_h264_1m"].peers["aiortc_p50"])
    assert not cases["encode_vp8_1m"].goal


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("engine", "stock"), [(None, False), ("transcode", True)], ids=["one hop of ours", "stock through a relay"]
)
async def test_a_run_shows_what_its_vehicles_send_through_whatever_is_between(engine: str | None, stock: bool) -> None:
    vehicles = [vehicle_over(CAP, 0)] if stock else [{"name": "A01"}]
    name = vehicles[0]["name"]
    played = await play(Play(vehicles, 2.0, SMALL, engine=engine, stock=stock, crowd=1 if engine else 0))
    assert played.frames >= 5 and played.ages_ms and all(age > 0 for age in played.ages_ms)
    assert stock or len(played.ages_ms) == played.frames
    assert played.cpu_s > 0 and len(played.resident_mb) == 2 and played.resident_mb[-1] > 10
    sent = played.sent[name]
    assert sent["frames"] > played.frames and sent["connections"] == 1 and bool(sent["steps"]) is not stock
    if stock:
        assert sent["bytes"][-1][1] >= sent["bytes"][-1][2] > 1000


@pytest.mark.sockets
async def test_waves_over_a_bad_link_are_counted_live_and_whole_in_the_record() -> None:
    came = await send(2.0, {"up": {"seed": 1, "loss": 0.2}, "down": {"seed": 2}})
    assert came.made > 20 and 0 < len(came.ages_ms) < came.made and min(came.ages_ms) >= -1
    assert came.told["complete"] and wave_cases(came)[2].ours.p50 == 0
