"""The map of what happened: where every vehicle was, the scene, the meeting point, the hospitals, what was closed.

In one language, upon the ground of map_ground.py; without roads the rest is drawn all the same.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import shapely

from casebook.place import Place, between
from scenarios.report_page.map_ground import CLASSES, HEIGHT, WIDTH, Frame, Ground, Point, area_of, class_of
from scenarios.report_page.markup import Html, points, tag
from scenarios.report_page.story import Fix, Story
from scenarios.report_page.voice import Voice, shortened, width_em

TICK_MIN = 5  # minutes of T+ between the marks on a track
STOOD_PX = 12  # a vehicle that moved less since the last mark gets none
MOST_SHIELDS = 16
FONT = 12.5


class Labels:
    """Boxes already taken; a label that finds no room is left out (its mark keeps its title)."""

    def __init__(self) -> None:
        self._taken: list[tuple[float, float, float, float]] = []

    def take(self, left: float, top: float, wide: float, high: float) -> bool:
        box = (left - 2, top - 1, left + wide + 2, top + high + 1)
        inside = box[0] > 0 and box[1] > 0 and box[2] < WIDTH and box[3] < HEIGHT
        free = all(box[0] > t[2] or box[2] < t[0] or box[1] > t[3] or box[3] < t[1] for t in self._taken)
        if inside and free:
            self._taken.append(box)
        return inside and free

    def place(self, x: float, y: float, text: str, class_: str, font: float = FONT, off: float = 10) -> Html | None:
        """The text right of the point, else left, below, above."""
        wide, high = width_em(text) * font, font * 1.2
        for dx, dy in ((off, 0), (-off - wide, 0), (-wide / 2, off + high / 2), (-wide / 2, -off - high / 2)):
            if self.take(x + dx, y + dy - high / 2, wide, high):
                return tag("text", text, x=x + dx, y=y + dy + font * 0.36, class_=class_)
        return None


def chart_map(story: Story, voice: Voice, ground: Ground) -> Html:
    """The map in one language; `ground_drawn` must stand in the page, its lines are used from there."""
    labels, frame = Labels(), ground.frame
    scale = _scale(voice, frame, labels)
    marks = _marks(story, voice, frame, labels)
    closures = _closures(voice, ground, labels)
    tracks = _tracks(story, voice, frame, labels)
    shields = _shields(ground, labels)
    minor = _minor_hospitals(story, voice, frame, labels)
    return tag(
        "svg",
        tag("rect", width=WIDTH, height=HEIGHT, class_="ground"),
        tag("use", href="#roads"), minor, tracks, shields, closures, marks, scale,
        viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}", role="img", class_="map", aria_label=voice.say("report.map"),
    )  # fmt: skip


# --- places


def _marks(story: Story, voice: Voice, frame: Frame, labels: Labels) -> list[Html]:
    """Scene, meeting points, and the hospitals that received somebody; the severe casualty's first."""
    drawn: list[Html] = []
    for one in story.picture.incidents.values():
        x, y = frame.at(one.place.lon, one.place.lat)
        star = tag("path", d=f"M{x:.1f} {y:.1f}m-9-9 18 18m0-18-18 18", class_="scene")
        drawn.append(_named(labels, x, y, star, voice.say("report.map.scene"), "place strong", 13))
    for id, site in story.sites.items():
        x, y = frame.at(site.lon, site.lat)
        pad = tag("g", tag("circle", cx=x, cy=y, r=11.0), tag("text", "H", x=x, y=y + 5), class_="site")
        drawn.append(_named(labels, x, y, pad, story.site_name(voice, id), "place strong", 15))
    taken = {one.hospital for one in story.picture.casualties.values() if one.hospital}
    first = story.case.hospital if story.case else None
    for id in sorted(taken, key=lambda id: (id != first, id)):
        place = story.picture.hospitals[id].place
        x, y = frame.at(place.lon, place.lat)
        name = shortened(story.hospital_name(voice, id), 18)
        cross = _cross(x, y, severe=id == first)
        drawn.append(_named(labels, x, y, cross, name, "place strong" if id == first else "place", 14))
    return drawn


def _named(labels: Labels, x: float, y: float, mark: Html, name: str, class_: str, off: float) -> Html:
    labels.take(x - 8, y - 8, 16, 16)
    return tag("g", tag("title", name), mark, labels.place(x, y, name, class_, off=off))


def _cross(x: float, y: float, *, severe: bool) -> Html:
    size = 11 if severe else 8
    box = tag("rect", x=x - size, y=y - size, width=2.0 * size, height=2.0 * size, rx=3.0)
    arm = size * 0.6
    plus = tag("path", d=f"M{x - arm:.1f} {y:.1f}h{2 * arm:.1f}M{x:.1f} {y - arm:.1f}v{2 * arm:.1f}")
    return tag("g", box, plus, class_="hospital severe" if severe else "hospital")


def _minor_hospitals(story: Story, voice: Voice, frame: Frame, labels: Labels) -> list[Html]:
    """The hospitals that were not chosen, small."""
    taken = {one.hospital for one in story.picture.casualties.values()}
    drawn: list[Html] = []
    for one in story.picture.hospitals.values():
        if one.id not in taken and frame.shows(one.place.lon, one.place.lat):
            x, y = frame.at(one.place.lon, one.place.lat)
            dot = tag("path", d=f"M{x - 4:.1f} {y:.1f}h8M{x:.1f} {y - 4:.1f}v8", class_="hospital minor")
            name = voice.named(one, one.id)
            drawn.append(tag("g", tag("title", name), dot, labels.place(x, y, shortened(name, 14), "minor", 10.5, 8)))
    return drawn


def _closures(voice: Voice, ground: Ground, labels: Labels) -> list[Html]:
    """A word beside what was closed. What was only slowed is told by its line and the legend."""
    drawn: list[Html] = []
    for fact, pieces in ground.shut:
        if fact.kind != "road_closed":
            continue
        body, area = fact.body, area_of(fact)
        longest = max(pieces, key=lambda piece: shapely.LineString(piece).length, default=[])
        middle = shapely.LineString(longest).interpolate(0.5, normalized=True) if longest else area and area.centroid
        if middle is None or not ground.frame.shows(middle.x, middle.y):
            continue
        text = " ".join([body.get("ref", ""), voice.say("report.map.road_closed")]).strip()
        found = labels.place(*ground.frame.at(middle.x, middle.y), text, "closure", off=12)
        drawn += [tag("g", tag("title", text, " · ", body["reason"]), found)] if found else []
    return drawn


# --- tracks


def _tracks(story: Story, voice: Voice, frame: Frame, labels: Labels) -> list[Html]:
    """Every vehicle's way on its missions; wide where the severe casualty was aboard, with T+ every few minutes."""
    aboard = _aboard(story)
    carriers = {mission.unit for mission in story.carriers}
    drawn: list[Html] = []
    for unit, runs in sorted(story.tracks.items(), key=lambda one: (one[0] in carriers, one[0])):
        kind = "air" if story.flies(unit) else "road"
        line = "".join(_line(frame, run) for run in runs)
        path = tag("path", d=line, class_=f"track {kind}{'' if unit in carriers else ' other'}")
        drawn.append(tag("g", tag("title", story.unit_name(voice, unit)), path))
        if unit in aboard:
            start, end = aboard[unit]
            wide = "".join(_line(frame, [fix for fix in run if start <= fix[0] <= end]) for run in runs)
            drawn.append(tag("path", d=wide, class_=f"track {kind} aboard"))
        if unit in carriers:
            drawn += _ticks(story, voice, frame, labels, [fix for run in runs for fix in run])
    return drawn


def _line(frame: Frame, run: Sequence[Fix]) -> str:
    """The path no finer than half a pixel."""
    line = [frame.at(lon, lat) for _, lat, lon in run]
    thin = shapely.simplify(shapely.LineString(line), 0.5).coords if len(line) > 2 else line
    return points((x, y) for x, y in thin)


def _aboard(story: Story) -> dict[str, tuple[datetime, datetime]]:
    """unit -> from when to when the severe casualty was in it."""
    times = story.case.times if story.case else {}
    boarded, handed = times.get("casualty_boarded"), times.get("casualty_transferred")
    until = times.get("casualty_arrived") or story.end
    if boarded is None or until is None:
        return {}
    changes = [boarded, *([handed] if handed else []), until]
    spans = itertools.pairwise(changes)
    return {mission.unit: span for mission, span in zip(story.carriers, spans, strict=False)}


def _ticks(story: Story, voice: Voice, frame: Frame, labels: Labels, fixes: Sequence[Fix]) -> list[Html]:
    """Where the vehicle was at T+5, T+10 ...; none while it stood still since the last one."""
    drawn: list[Html] = []
    if story.zero is None or not fixes:
        return drawn
    last: Point | None = None
    for minutes in range(0, int((fixes[-1][0] - story.zero).total_seconds() // 60) + 1, TICK_MIN):
        at = story.zero + timedelta(minutes=minutes)
        place = place_at(fixes, at)
        if place is None:
            continue
        x, y = frame.at(place.lon, place.lat)
        if last is None or math.dist(last, (x, y)) > STOOD_PX:
            text = labels.place(x, y, f"T+{minutes}", "tick", 11, 7)
            dot = tag("circle", cx=x, cy=y, r=3.2, class_="when")
            drawn.append(tag("g", tag("title", voice.clock(at)), dot, text))
        last = (x, y)
    return drawn


def place_at(fixes: Sequence[Fix], at: datetime) -> Place | None:
    """Between the fixes around `at`; None before the first and after the last."""
    for (before, lat_a, lon_a), (after, lat_b, lon_b) in itertools.pairwise(fixes):
        if before <= at <= after:
            share = (at - before).total_seconds() / max((after - before).total_seconds(), 1e-9)
            return between(Place(lat_a, lon_a), Place(lat_b, lon_b), share)
    return None


# --- road numbers, scale


def _shields(ground: Ground, labels: Labels) -> list[Html]:
    """The numbers of the great roads, each once, on its longest piece, the greatest roads first."""
    longest: dict[str, tuple[int, float, list[Point]]] = {}
    for line, properties in ground.roads:
        rank = CLASSES.index(class_of(properties))
        if rank > CLASSES.index("primary") or not properties.get("ref"):
            continue
        ref = str(properties["ref"]).split(";")[0]
        length = shapely.LineString(line).length
        if ref not in longest or (rank, -length) < (longest[ref][0], -longest[ref][1]):
            longest[ref] = (rank, length, line)
    drawn: list[Html] = []
    for ref, (rank, _, line) in sorted(longest.items(), key=lambda one: (one[1][0], -one[1][1], one[0])):
        middle = shapely.LineString(line).interpolate(0.5, normalized=True)
        x, y = ground.frame.at(middle.x, middle.y)
        wide = width_em(ref) * 11 + 10
        if len(drawn) < MOST_SHIELDS and labels.take(x - wide / 2, y - 8, wide, 16):
            box = tag("rect", x=x - wide / 2, y=y - 8, width=wide, height=16.0, rx=3.0)
            drawn.append(tag("g", box, tag("text", ref, x=x, y=y + 4), class_=f"shield {CLASSES[rank]}"))
    return drawn


def _scale(voice: Voice, frame: Frame, labels: Labels) -> Html:
    """A bar of a round number of kilometres, and where north is."""
    km = next((k for k in (50, 20, 10, 5, 2, 1) if k * 1000 / frame.m_per_px < 0.25 * WIDTH), 1)
    wide = km * 1000 / frame.m_per_px
    x, y = 24.0, HEIGHT - 22
    labels.take(x - 10, y - 26, wide + 60, 44)
    bar = tag("path", d=f"M{x:.0f} {y - 5:.0f}v5h{wide:.1f}v-5", class_="scale")
    north = tag("path", d=f"M{x + wide + 24:.1f} {y:.0f}v-24l-5 8m5-8 5 8", class_="scale")
    text = tag("text", voice.say("report.km", n=km), x=x + wide / 2, y=y - 9, class_="scale")
    return tag("g", bar, north, text, tag("text", "N", x=x + wide + 36, y=y - 12, class_="scale"))
