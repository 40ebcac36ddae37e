"""Case H: where to hand a casualty over, among 200 landing sites, 5 bases and 40 hospitals.

Ours: one row of driving times on prepared places, and `rendezvous.search`. The brute force has the same model look at
every hospital (`rendezvous.compare`), with driving times by networkx: once one search per place, as one would ask it,
and once all from one search tree, the kindest way. Both must come to the same winner and runner-up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from aboard.bench.routing.job import PROFILE, Job
from aboard.bench.routing.paper import Paper
from aboard.bench.routing.peers import found_way
from aboard.bench.routing.questions import AT, Questions, nodes_drawn, numbers, place_of
from aboard.bench.routing.stopwatch import once_ms, times_ms
from casebook.place import Place
from routing.air import Aircraft, LandingSite, Weather
from routing.ground import table
from routing.rendezvous import Door, Found, Landings, Plan, Question, compare, search
from routing.roads import Roadmap
from routing.stops import Stops

SITES, BASES = 200, 5
SOME_WAYS = 8  # of 240, where one takes a fifth of a second
SCENES = 50


@dataclass(frozen=True, slots=True)
class World:
    """The landing sites with their nodes, the doors, and the aircraft at their bases; a fine day."""

    site_nodes: tuple[int, ...]
    landings: Landings
    aircraft: tuple[Aircraft, ...]

    @property
    def question(self) -> Question:
        return Question("", None, aircraft=self.aircraft, on_scene_s=600.0, weather=Weather(3000.0, 9000.0, 5.0))

    @property
    def ends(self) -> list[Place]:
        """All places that an ambulance may drive to: the sites, then the doors."""
        pads = [door.pad.place for door in self.landings.doors if door.pad]
        return [site.place for site in self.landings.sites] + pads


def world_of(roadmap: Roadmap, usable: Any, questions: Questions, seed: int) -> World:
    """Sites and bases drawn on the map; each site with a size of its own, some too small, some to be secured."""
    random = numbers(seed, "meetings")
    nodes = list(nodes_drawn(roadmap, usable, random, SITES + BASES))
    sites, bases = nodes[: -min(BASES, len(nodes) // 2)], nodes[-min(BASES, len(nodes) // 2) :]
    landings = [
        LandingSite(f"site-{n:03}", place_of(roadmap, node), "field", size_m=tuple(random.uniform(20, 80, 2).tolist()))
        for n, node in enumerate(sites)
    ]
    doors = [
        Door(
            f"hospital-{n:02}", LandingSite(f"pad-{n:02}", place, "helipad", pad_to_ed_s=float(random.uniform(60, 400)))
        )
        for n, place in enumerate(questions.hospital_places)
    ]
    aircraft = tuple(
        Aircraft(f"air-{n}", place_of(roadmap, node), cruise_kmh=float(random.uniform(220, 300)))
        for n, node in enumerate(bases)
    )
    return World(tuple(sites), Landings(landings, doors), aircraft)


def measure_ours(roadmap: Roadmap, world: World, questions: Questions, budget_s: float) -> dict[str, Any]:
    """Scene to winner and runner-up, a new scene each time, the drive included."""
    ends, scenes = Stops(roadmap, world.ends), questions.ambulance_places[:SCENES]

    def find(i: int) -> tuple[Plan, ...]:
        (row,) = table(roadmap, [scenes[i % len(scenes)]], ends, profile=PROFILE, at=AT)
        return found_of(world, [np.nan if seconds is None else seconds for seconds in row]).best_two

    (row,) = table(roadmap, [scenes[0]], ends, profile=PROFILE, at=AT)
    found = found_of(world, [np.nan if seconds is None else seconds for seconds in row])
    each = [told_of(found.best_two_at(door.hospital)) for door in world.landings.doors]
    return {"H": times_ms(find, budget_s=budget_s), "winners": [told_of(found.best_two), *each]}


def found_of(world: World, drives_s: list[float]) -> Found:
    sites = len(world.site_nodes)
    return search(world.landings, world.question, drives_s[:sites], drives_s[sites:])


def told_of(plans: tuple[Plan, ...]) -> list[Any]:
    """What two processes can compare."""
    return [
        [
            plan.mode,
            plan.hospital,
            plan.site and plan.site.id,
            plan.aircraft and plan.aircraft.id,
            round(plan.door_s, 3),
        ]
        for plan in plans
    ]


def measure_brute(job: Job) -> dict[str, Any]:
    """Both brute forces on the first scene."""
    import networkx as nx

    roadmap, paper = job.roads(), Paper.read(job.place)
    free, questions = job.questions(roadmap)
    world = world_of(roadmap, free.usable, questions, job.seed)
    graph: Any = nx.DiGraph()
    graph.add_weighted_edges_from(zip(paper.tail.tolist(), paper.head.tolist(), paper.ms.tolist(), strict=True))
    scene, ends = questions.ambulances[0], [*world.site_nodes, *questions.hospitals]
    some = ends[:: max(1, len(ends) // SOME_WAYS)]
    way_ms = [once_ms(lambda end=end: found_way(graph, scene, end)) for end in some]
    tree_ms = times_ms(lambda _: nx.single_source_dijkstra_path_length(graph, scene), budget_s=job.budget_s)
    reached = nx.single_source_dijkstra_path_length(graph, scene)
    drives_s = [reached[end] / 1000 if end in reached else None for end in ends]
    each: list[tuple[Plan, ...]] = []
    combined_ms, tree = once_ms(lambda: each.extend(compared(world, drives_s))), sorted(tree_ms)[len(tree_ms) // 2]
    return {
        "H": [sum(way_ms) * len(ends) / len(some) + combined_ms],
        "H_one_tree": [tree + combined_ms],
        "combining_ms": combined_ms,
        "parts": {"H": [len(some), len(ends)]},
        "winners": [told_of(first_two(plan for plans in each for plan in plans)), *(told_of(plans) for plans in each)],
    }


def compared(world: World, drives_s: list[float | None]) -> list[tuple[Plan, ...]]:
    """The first two plans to each hospital, of all that `compare` finds."""
    sites = world.landings.sites
    to_site = {site.id: seconds for site, seconds in zip(sites, drives_s, strict=False)}
    told: list[tuple[Plan, ...]] = []
    for door, seconds in zip(world.landings.doors, drives_s[len(sites) :], strict=True):
        asked = replace(
            world.question, hospital=door.hospital, pad=door.pad, sites=sites, drive_to_site_s=to_site,
            drive_to_door_s=seconds,
        )  # fmt: skip
        told.append(compare(asked).plans[:2])
    return told


def first_two(plans: Iterable[Plan]) -> tuple[Plan, ...]:
    return tuple(sorted(plans, key=lambda plan: plan.door_s)[:2])
