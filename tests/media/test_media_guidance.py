"""A mark stays where it was meant while the head that carries the camera moves; where that is not known, it is lost."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from aboard.bench.media.moving_scene import HEIGHT, WIDTH, MovingCamera, drawn_world, standing, swaying, with_tag
from media.guidance import sight
from media.guidance.anchor import INLIERS_MIN, Anchor, carried
from media.guidance.tags import TagReader, draw_tag
from media.guidance.tracker import KEPT_FRAMES, POINTS_MAX, Drawn, Place, Places, Tracker, hidden_mask
from media.stamp import Stamp

MARK = ((0.45, 0.40), (0.55, 0.50), (0.50, 0.45))
MIDDLE = (0.50, 0.45)
LATE = 3  # frames: 200 ms at 15 a second
OFF_MAX = 0.02  # of the frame's width


@pytest.fixture(scope="module")
def world() -> np.ndarray:
    return drawn_world()


def see(tracker: Tracker, camera: MovingCamera, frames: range) -> Places:
    seen = [tracker.see(camera.stamp(frame), camera.grey(frame)) for frame in frames]
    return seen[-1]


def off(place: Place, camera: MovingCamera, drawn_on: int, now: int, point: tuple[float, float] = MIDDLE) -> float:
    """How far the mark is from where it should be, as a share of the frame's width."""
    assert place.matrix is not None, place.why
    away = carried(place.matrix, np.array([point]))[0] - camera.true_place(point, drawn_on, now)
    return float(np.hypot(away[0], away[1] * HEIGHT / WIDTH))


# --- carried


def test_a_mark_drawn_on_a_picture_200_ms_old_is_where_it_was_meant_for_five_seconds(world) -> None:
    camera, tracker = MovingCamera(world), Tracker()
    see(tracker, camera, range(10 + LATE))
    tracker.keep({"m1": Drawn(camera.stamp(10), MARK)})
    errors = [off(see(tracker, camera, range(n, n + 1)).marks["m1"], camera, 10, n) for n in range(13, 10 + 5 * 15 + 4)]
    assert max(errors) <= OFF_MAX
    stays = camera.true_place(MIDDLE, 10, 13) - MIDDLE
    assert np.hypot(*stays) > OFF_MAX / 2, "the scene must move while the mark is on its way, else nothing is shown"


def test_it_is_placed_at_once_not_only_with_the_next_frame(world) -> None:
    camera, tracker = MovingCamera(world), Tracker()
    see(tracker, camera, range(20))
    tracker.keep({"m1": Drawn(camera.stamp(10), MARK)})
    assert off(tracker.places().marks["m1"], camera, 10, 19) <= OFF_MAX


def test_marks_drawn_on_different_frames_each_keep_their_own_place_within_one_budget(world) -> None:
    camera, tracker = MovingCamera(world), Tracker()
    marks = {}
    for n in range(8):
        see(tracker, camera, range(4 * n, 4 * n + 4))
        marks[f"m{n}"] = Drawn(camera.stamp(4 * n + 2), ((0.3 + 0.05 * n, 0.5),))
        tracker.keep(marks)
    places = see(tracker, camera, range(32, 45))
    for n in range(8):
        assert off(places.marks[f"m{n}"], camera, 4 * n + 2, 44, (0.3 + 0.05 * n, 0.5)) <= OFF_MAX
    assert sum(len(one.anchor.followed) for one in tracker._marks.values() if one.anchor) <= POINTS_MAX


def test_a_mark_taken_back_is_followed_no_more(world) -> None:
    camera, tracker = MovingCamera(world), Tracker()
    see(tracker, camera, range(5))
    tracker.keep({"m1": Drawn(camera.stamp(2), MARK), "m2": Drawn(camera.stamp(3), MARK)})
    tracker.keep({"m2": Drawn(camera.stamp(3), MARK)})
    assert set(see(tracker, camera, range(5, 6)).marks) == {"m2"}


def test_lost_points_are_made_good_so_that_a_long_way_is_no_slow_death(world) -> None:
    """The head goes past: what was near the mark leaves the picture on one side while more comes in on the other."""

    def past(t_s: float) -> np.ndarray:
        return np.array([[1.0, 0, -60 - 26 * t_s], [0, 1, -200], [0, 0, 1]])

    camera, tracker = MovingCamera(world, past), Tracker()
    see(tracker, camera, range(2))
    tracker.keep({"m1": Drawn(camera.stamp(1), ((0.5, 0.5),))})
    places = see(tracker, camera, range(2, 15 * 10))
    assert off(places.marks["m1"], camera, 1, 149, (0.5, 0.5)) <= OFF_MAX
    anchor = tracker._marks["m1"].anchor
    assert anchor is not None and len(anchor.followed) > 2 * INLIERS_MIN


def test_the_cameras_own_stamp_is_no_scene_to_hold_on_to() -> None:
    """It stands still in the picture while the world moves: a mark beside it must not stand still with it."""
    camera = MovingCamera(drawn_world(3))
    hidden = hidden_mask((HEIGHT, WIDTH), 384 / 640, 16 / 360)
    tracker = Tracker()
    for frame in range(16):
        grey = camera.grey(frame)
        grey[:16, :384:16], grey[:16, 8:384:16] = 32, 224
        tracker.see(camera.stamp(frame), grey, hidden)
        if frame == 2:
            tracker.keep({"m1": Drawn(camera.stamp(1), ((0.25, 0.12),))})
    place = tracker.places().marks["m1"]
    assert place.matrix is None or off(place, camera, 1, 15, (0.25, 0.12)) <= OFF_MAX


# --- lost


def covered(world):
    return np.full((HEIGHT, WIDTH), 6, np.uint8), "dark"


def blank_wall(world):
    noise = np.random.default_rng(5).integers(-4, 5, (HEIGHT, WIDTH))
    return (140 + noise).astype(np.uint8), "blank"


def blurred(world):
    return cv2.GaussianBlur(MovingCamera(world).grey(21), (0, 0), 9), "blurred"


def elsewhere(world):
    return MovingCamera(drawn_world(99)).grey(21), "moved"


@pytest.mark.parametrize("what", [covered, blank_wall, blurred, elsewhere])
def test_a_picture_that_cannot_be_followed_loses_the_mark_at_once_and_says_why(world, what) -> None:
    camera, tracker = MovingCamera(world), Tracker()
    see(tracker, camera, range(20))
    tracker.keep({"m1": Drawn(camera.stamp(18), MARK)})
    assert see(tracker, camera, range(20, 21)).marks["m1"].matrix is not None
    picture, why = what(world)
    place = tracker.see(camera.stamp(21), picture).marks["m1"]
    assert place.matrix is None and place.why == why


@pytest.mark.parametrize(("picture", "why"), [(covered(None)[0], "dark"), (blank_wall(None)[0], "blank")])
def test_a_mark_on_nothing_is_never_placed(picture, why) -> None:
    tracker = Tracker()
    tracker.see(Stamp(1, 1000), picture)
    tracker.keep({"m1": Drawn(Stamp(1, 1000), MARK)})
    assert tracker.see(Stamp(2, 1066), picture).marks["m1"] == Place(None, why)


def test_a_mark_that_leaves_the_picture_is_away_and_comes_back_with_the_scene(world) -> None:
    def looks_away(t_s: float) -> np.ndarray:
        turned = min(1.0, max(0.0, t_s - 1)) - min(1.0, max(0.0, t_s - 3))
        return np.array([[1.0, 0, -300 - 560 * turned], [0, 1, -200], [0, 0, 1]])

    camera, tracker = MovingCamera(world, looks_away), Tracker()
    see(tracker, camera, range(6))
    tracker.keep({"m1": Drawn(camera.stamp(4), MARK)})
    away = see(tracker, camera, range(6, 30)).marks["m1"]
    assert away.matrix is None and away.why in ("away", "moved")
    back = see(tracker, camera, range(30, 15 * 4 + 15)).marks["m1"]
    assert off(back, camera, 4, 74) <= OFF_MAX


def test_a_hand_before_the_mark_hides_it_until_it_is_taken_away(world) -> None:
    """The flow would follow the hand: what is seen in the mark's place must still look like it."""
    camera, tracker = MovingCamera(world, standing), Tracker()
    see(tracker, camera, range(6))
    tracker.keep({"m1": Drawn(camera.stamp(5), ((0.5, 0.5),))})
    hand = drawn_world(7)[:180, :180]
    for frame in range(6, 16):
        grey = camera.grey(frame)
        grey[90:270, 230:410] = hand
        place = tracker.see(camera.stamp(frame), grey).marks["m1"]
    assert place.matrix is None
    back = see(tracker, camera, range(16, 40)).marks["m1"]
    assert off(back, camera, 5, 39, (0.5, 0.5)) <= OFF_MAX


def test_a_mark_on_a_frame_that_is_no_longer_known_is_never_shown(world) -> None:
    camera, tracker = MovingCamera(world), Tracker()
    see(tracker, camera, range(45))
    tracker.keep({"old": Drawn(camera.stamp(3), MARK), "of_another_start": Drawn(Stamp(40, 5), MARK)})
    places = see(tracker, camera, range(45, 47)).marks
    assert places == {"old": Place(None, "too_old"), "of_another_start": Place(None, "too_old")}


def test_another_camera_with_pictures_of_another_size_loses_every_mark(world) -> None:
    camera, tracker = MovingCamera(world), Tracker()
    see(tracker, camera, range(5))
    tracker.keep({"m1": Drawn(camera.stamp(3), MARK)})
    smaller = cv2.resize(camera.grey(5), (424, 240))
    assert tracker.see(camera.stamp(5), smaller).marks["m1"] == Place(None, "too_old")


def test_no_more_frames_are_kept_than_two_seconds_or_the_memory_for_them(world) -> None:
    camera, tracker = MovingCamera(world), Tracker()
    see(tracker, camera, range(50))
    assert len(tracker._ring) == 31  # of 15 a second, both ends of two seconds
    for n in range(200):
        tracker.see(Stamp(n, 5_000_000_000_000 + n), camera.grey(0))
    assert len(tracker._ring) == KEPT_FRAMES


# --- held still to draw on


def test_a_frame_held_still_may_be_drawn_on_long_after_and_the_mark_is_carried_to_now(world) -> None:
    camera, tracker = MovingCamera(world), Tracker()
    see(tracker, camera, range(10))
    assert tracker.hold(camera.stamp(8))
    see(tracker, camera, range(10, 70))
    tracker.keep({"m1": Drawn(camera.stamp(8), MARK)})
    assert off(tracker.places().marks["m1"], camera, 8, 69) <= OFF_MAX
    assert off(see(tracker, camera, range(70, 80)).marks["m1"], camera, 8, 79) <= OFF_MAX


def test_a_frame_that_is_gone_cannot_be_held_and_few_are(world) -> None:
    camera, tracker = MovingCamera(world), Tracker()
    see(tracker, camera, range(40))
    assert not tracker.hold(camera.stamp(2))
    assert all(tracker.hold(camera.stamp(frame)) for frame in range(30, 40))
    assert len(tracker._held) == 4


# --- pointers


def test_a_pointer_is_carried_too_and_goes_when_it_is_not_told_again(world) -> None:
    camera, tracker = MovingCamera(world), Tracker()
    see(tracker, camera, range(10))
    tracker.point("Dr Wang", camera.stamp(7), (0.5, 0.45))
    places = see(tracker, camera, range(10, 12))
    away = np.array(places.pointers["Dr Wang"]) - camera.true_place((0.5, 0.45), 7, 11)
    assert np.abs(away).max() <= OFF_MAX
    assert see(tracker, camera, range(12, 60)).pointers == {}


def test_a_pointer_taken_away_or_on_an_unknown_frame_points_nowhere(world) -> None:
    camera, tracker = MovingCamera(world), Tracker()
    see(tracker, camera, range(10))
    tracker.point("Dr Wang", camera.stamp(9), (0.5, 0.45))
    tracker.point("Dr Wang", camera.stamp(9), None)
    tracker.point("Dr Li", Stamp(9, 1), (0.5, 0.45))
    assert see(tracker, camera, range(10, 11)).pointers == {}


# --- tags


def test_a_tag_in_the_picture_is_read_with_its_number_and_place(world) -> None:
    camera = MovingCamera(with_tag(world, 17, 560, 330), standing)
    tracker = Tracker()
    corners = see(tracker, camera, range(1)).tags[17]
    assert np.abs(np.mean(corners, axis=0) * (WIDTH, HEIGHT) - (560 + 24 - 300, 330 + 24 - 200)).max() < 1


def test_a_tag_is_where_it_is_on_every_frame_also_between_two_readings(world) -> None:
    camera = MovingCamera(with_tag(world, 17, 560, 330))
    tracker = Tracker()
    for frame in range(20):
        (corners,) = see(tracker, camera, range(frame, frame + 1)).tags.values()
        true = [_picture_of(camera, at, frame) for at in ((566, 336), (602, 336), (602, 372), (566, 372))]
        assert np.abs(np.array(corners) - true).max() < OFF_MAX / 2
    assert tracker.see(camera.stamp(20), np.full((HEIGHT, WIDTH), 150, np.uint8)).tags == {}


def test_a_number_seen_twice_is_believed_nowhere() -> None:
    picture = np.full((HEIGHT, WIDTH), 200, np.uint8)
    for left, number in ((40, 3), (240, 3), (440, 5)):
        picture[100:180, left : left + 80] = draw_tag(number, 80)
    assert set(TagReader().read(picture)) == {5}


def test_a_mark_near_a_tag_is_found_again_by_it_where_nothing_else_is_to_be_seen() -> None:
    """A bare wall with a tag: too few corners to follow, but the tag says where the mark is."""
    wall = np.full((800, 1300), 150, np.uint8)
    camera, tracker = MovingCamera(with_tag(wall, 4, 600, 360, 64), swaying), Tracker()
    see(tracker, camera, range(6))
    point = tuple(camera.true_place((0, 0), 4, 4) + _picture_of(camera, (650, 440), 4))
    tracker.keep({"m1": Drawn(camera.stamp(4), (point,))})
    places = see(tracker, camera, range(6, 45))
    assert off(places.marks["m1"], camera, 4, 44, point) <= OFF_MAX
    gone = tracker.see(camera.stamp(45), np.full((HEIGHT, WIDTH), 150, np.uint8)).marks["m1"]
    assert gone.matrix is None


def _picture_of(camera: MovingCamera, at: tuple[float, float], frame: int) -> np.ndarray:
    there = camera.motion(frame / camera.fps) @ (*at, 1.0)
    return there[:2] / there[2] / (WIDTH, HEIGHT)


# --- small things


def test_a_large_picture_is_followed_at_half_its_size_and_a_small_one_as_it_is() -> None:
    assert sight.small_grey(np.zeros((720, 1280), np.uint8)).shape == (360, 640)
    assert sight.small_grey(np.zeros((360, 640), np.uint8)).shape == (360, 640)
    assert sight.small_grey(np.zeros((1080, 1920), np.uint8)).shape == (360, 640)


def test_a_scene_turned_inside_out_is_no_place(world) -> None:
    """A homography that fits points but mirrors or explodes the mark is refused."""
    anchor = Anchor.at(MovingCamera(world).grey(0), np.array([(320, 180)], np.float32))
    for wrong in (np.diag((-1.0, 1, 1)), np.diag((9.0, 9, 1)), np.array([[1, 0, 0], [0, 1, 0], [-0.004, 0, 1.0]])):
        assert not anchor._sane(wrong)
    assert anchor._sane(np.eye(3))
