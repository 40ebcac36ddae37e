"""Pictures come from a file, a device or the drawn scene, each with its stamp; no camera is said clearly."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError

from casebook.errors import FeedLost, RefusedInput
from media.camera import Camera, open_camera
from media.camera_source import DrawnSource, FileSource, open_live
from media.receiver import top_luma
from media.stamp import Stamp, find


def at(*times: float):
    """A wall clock that tells these times in ms."""
    return iter(times).__next__


def test_each_picture_carries_its_number_and_the_time_of_its_making() -> None:
    camera = open_camera("scene", at(1000.9, 1066.0))
    assert [find(top_luma(camera.make())) for _ in range(2)] == [Stamp(0, 1000), Stamp(1, 1066)]


def test_the_drawn_scene_depends_on_seed_and_time_alone_and_moves() -> None:
    one, same, other = DrawnSource(640, 360, seed=1), DrawnSource(640, 360, seed=1), DrawnSource(640, 360, seed=2)
    assert np.array_equal(one.picture(3.0), same.picture(3.0))
    assert not np.array_equal(one.picture(3.0), other.picture(3.0))
    assert not np.array_equal(one.picture(3.0), one.picture(3.1))


def test_a_real_clip_is_shown_at_its_own_speed_and_loops(shared_data: Path) -> None:
    clip = shared_data / "video" / "firstperson_walk_gopro_max_heromode.mp4"
    source = FileSource(clip, 640, 360)
    pictures = {second: source.picture(float(second)) for second in range(25)}  # the clip lasts 10.5 s
    assert all(picture.shape == (540, 640) for picture in pictures.values())
    changes = [not np.array_equal(pictures[n], pictures[n + 1]) for n in range(24)]
    assert all(changes)
    source.close()


def test_a_clip_asked_twice_for_the_same_moment_gives_the_same_picture(shared_data: Path) -> None:
    source = FileSource(shared_data / "video" / "bikes.mp4", 640, 360)
    assert np.array_equal(source.picture(0.5), source.picture(0.5))


@pytest.mark.parametrize(
    "spec", ["nowhere.mp4", "device:/dev/video99", "device:97", "rtsp://127.0.0.1:9/x", "lavfi:nonsense", ""]
)
def test_no_camera_is_refused_with_its_name(spec: str) -> None:
    with pytest.raises(RefusedInput) as refused:
        open_camera(spec, at(0))
    assert refused.value.key == "no_camera"
    assert refused.value.said("zh") and refused.value.said("en")


def test_a_file_that_is_no_video_is_no_camera(tmp_path: Path) -> None:
    file = tmp_path / "notes.mp4"
    file.write_text("not a video")
    with pytest.raises(RefusedInput) as refused:
        open_camera(str(file), at(0))
    assert str(file) in refused.value.said("en")


def test_a_live_camera_gives_its_newest_picture_each_once_and_is_lost_when_it_ends() -> None:
    live = open_live("testsrc=size=640x360:rate=50:duration=0.4,realtime", 640, 360, format="lavfi")
    pictures = []
    with pytest.raises(FeedLost) as lost:
        while True:
            pictures.append(live.picture(0.0))
    assert lost.value.key == "camera_lost"
    assert len(pictures) >= 5 and all(picture.shape == (540, 640) for picture in pictures)
    assert not np.array_equal(pictures[0], pictures[-1])


class Unplugged:
    """A source that gives so many pictures and then none."""

    def __init__(self, pictures: int) -> None:
        self.left = pictures

    def picture(self, t_s: float) -> np.ndarray:
        if self.left == 0:
            raise FeedLost("camera_lost", camera="cam", why="unplugged")
        self.left -= 1
        return np.zeros((540, 640), np.uint8)

    def close(self) -> None:
        return


async def test_a_camera_that_is_unplugged_ends_its_track_and_says_why() -> None:
    track = Camera(lambda: Unplugged(2), lambda: 0.0, fps=100).track()
    await track.recv()
    await track.recv()
    with pytest.raises(MediaStreamError):
        await track.recv()
    assert track.lost is not None and track.lost.key == "camera_lost" and track.frames_sent == 2


async def test_a_track_counts_time_not_calls_when_the_machine_was_slow(monkeypatch) -> None:
    camera = Camera(lambda: Unplugged(100), lambda: 0.0, fps=100)
    track = camera.track()
    first = await track.recv()
    assert track._began_s is not None
    track._began_s -= 1.0  # a second passed in which nobody asked
    second = await track.recv()
    assert first.pts is not None and second.pts is not None
    assert second.pts - first.pts >= 90_000 and camera.frames_made == 2


def test_a_picture_that_is_made_smaller_keeps_its_shape_and_its_stamp() -> None:
    camera = open_camera("scene", at(*range(9)), width=1280, height=720)
    shapes = {height: (camera.make(height).width, camera.make(height).height) for height in (360, 480, 720, 1080)}
    assert shapes == {360: (640, 360), 480: (852, 480), 720: (1280, 720), 1080: (1280, 720)}
    assert find(top_luma(camera.make(360))) == Stamp(8, 8)


async def test_a_track_sends_every_second_frame_or_none_as_it_is_told() -> None:
    track = open_camera("scene", lambda: 0.0, fps=15).track()
    track.fit(360, 8)
    pts = [(await track.recv()).pts or 0 for _ in range(3)]
    assert all((after - before) % 6000 == 0 and after - before >= 12_000 for before, after in itertools.pairwise(pts))
    track.fit(None, None)
    waiting = asyncio.create_task(track.recv())
    await asyncio.sleep(0)
    assert not waiting.done()
    track.fit(360, 15)
    assert (await waiting).height == 360
