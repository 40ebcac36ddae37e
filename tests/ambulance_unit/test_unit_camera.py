"""Which camera a vehicle has; and that live media start, stop and are missing without harm."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import numpy as np
import pytest

from ambulance_unit.camera import LiveMedia, choose_camera, choose_codec, wall_clock_ms
from ambulance_unit.picture_quality import Quality
from casebook.errors import RefusedInput
from media.quality import RUNGS, Standing
from media.waveforms import ChannelWave, WaveKind, WavePacket


def test_the_scene_is_the_camera_of_a_drill():
    camera = choose_camera("scene", seed=7)
    assert camera is not None
    assert (camera.make().width, camera.make().height) == (640, 360)
    camera.close()


def test_a_light_vehicle_has_no_camera():
    assert choose_camera("none") is None


@pytest.mark.parametrize("setting", ["v4l2:/dev/no-such-camera", "no-such-film.mp4"])
def test_a_camera_that_is_not_there_is_told(setting: str):
    with pytest.raises(RefusedInput) as caught:
        choose_camera(setting)
    assert caught.value.key == "no_camera"


def test_a_file_that_holds_no_picture_is_told(tmp_path: Path):
    file = tmp_path / "film.mp4"
    file.write_bytes(b"not a film")
    with pytest.raises(RefusedInput):
        choose_camera(str(file))


async def test_live_media_without_a_hub_drop_and_do_not_queue():
    client = httpx.AsyncClient(base_url="http://127.0.0.1:9")
    live = LiveMedia(client, "A01", None)
    live.start()
    wave = ChannelWave(WaveKind.ECG_II, 250, 0, np.zeros(10))
    assert not live.send(WavePacket(0, round(wall_clock_ms()), (wave,)))
    await asyncio.sleep(0)
    nothing = {"frames_sent": 0, "waves_sent": 0, "numerics_sent": 0, "video": False, "rung": None, "rung_why": None}
    assert live.counts() == {**nothing, "dropped": 1}
    assert live.look_at_picture() == Quality("none", "no_camera")
    await live.stop()
    assert client.is_closed


async def test_a_camera_that_nobody_has_asked_for_is_no_picture_until_there_is_a_link():
    live = LiveMedia(httpx.AsyncClient(base_url="http://127.0.0.1:9"), "A01", choose_camera("scene", seed=7))
    assert live.look_at_picture() == Quality("none", "link_down")
    assert live.video is not None
    live.video.link.connected.set()
    rung = live.video.standing.rung.name
    assert live.look_at_picture() == Quality(rung, "start"), "the first picture may still be on its way"
    assert [live.look_at_picture().why for _ in range(2)] == ["camera_lost", "camera_lost"]
    await live.stop()


@pytest.mark.parametrize(("setting", "codec"), [("", "VP8"), ("vp8", "VP8"), ("H264", "H264")])
def test_the_vehicle_chooses_its_codec(setting: str, codec: str) -> None:
    assert choose_codec(setting) == codec


def test_a_codec_that_is_not_carried_is_refused_with_those_that_are() -> None:
    with pytest.raises(RefusedInput) as refused:
        choose_codec("av1")
    assert refused.value.key == "video_codec" and "H264" in refused.value.said("zh")


async def test_stills_fit_from_their_rung_of_the_ladder_on_and_never_without_a_camera():
    blind = LiveMedia(httpx.AsyncClient(base_url="http://127.0.0.1:9"), "A01", None)
    assert not blind.stills_fit()
    live = LiveMedia(httpx.AsyncClient(base_url="http://127.0.0.1:9"), "A01", choose_camera("scene", seed=7))
    assert live.video is not None
    fits = {}
    for place, rung in enumerate(RUNGS):
        live.video.standing = Standing(place)
        fits[rung.name] = live.stills_fit()
    assert [name for name, fit in fits.items() if not fit] == ["voice", "vitals", "twelve_lead"]
    for one in (blind, live):
        await one.stop()
