"""How likely it is that a place is still free when a patient gets there, from an old count and a simple queue. Pure.

What was counted is casebook/capacity/figures.py; rates and half-lives are data (casebook/capacity/resources.yaml).

The model is an Erlang loss system: c places, patients come as a Poisson stream of rate λ = c x inflow, each takes one
place for a time of mean 1/μ = occupancy, and who finds all taken goes elsewhere. The number of taken places is then a
birth-death chain on 0..c with births λ and deaths nμ. It is the model that is used to size intensive care and wards
(bounds by M/G/c/c: van Dijk and Kortbeek, Queueing Syst 2009;63:253-280); it needs only the four things that are known
of a bay: how many, how many free, how often wanted, how long taken.

Counted at age a with n = c - free taken, the chain has run for τ = a + (time to arrival) when the patient comes, and
h places are held for others who come as well, so that one is left when at most k = c - h - 1 are taken:

    q(τ) = P(N(τ) <= k | N(0) = n) = Σ_j exp(r_j τ) v_j(n) Σ_{m<=k} v_j(m) sqrt(π_m / π_n)

with r_j <= 0 and v_j the eigenvalues and eigenvectors of the generator made symmetric by the stationary law π, which
for a birth-death chain is always possible (detailed balance). For τ -> ∞ only r_0 = 0 is left, which is the base rate

    b = Σ_{m<=k} π_m,   π_m ∝ (λ/μ)^m / m!

A count also stops being true for reasons that no queue sees. At rate ln 2 / half-life it is forgotten and the base rate
is all that is known, which leaves

    p = b + 2^(-a / half-life) (q(τ) - b)

Laws (tested): more free, fewer held, or one more bay are never less likely (two chains coupled at their jumps never
cross); the distance from the base rate is at most 2^(-a / half-life); known all taken only rises with age, known all
free only falls. Holds are not taken to keep others out: hospitals that are full are driven to all the same.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, fsum
from typing import NamedTuple

import numpy as np

from casebook.capacity.figures import Figure
from casebook.capacity.resources import Resource

PLACES_MAX = 40  # above it the tails of the stationary law leave too few digits; a part of the ward stands for it


class Chance(NamedTuple):
    """How likely a place is left, for whoever arrives in so many seconds; of one count, asked for any number of ways.

    `terms`: rate r_j per second, and what its exponential adds; `believed`: how much of the count is; `age_s`: its age.
    """

    base: float
    believed: float
    age_s: float
    terms: tuple[tuple[float, float], ...]

    def at(self, arrival_in_s: float) -> float:
        after_s = self.age_s + max(0.0, arrival_in_s)
        still = _clipped(fsum([weight * exp(rate * after_s) for rate, weight in self.terms]))
        return self.base + self.believed * (still - self.base)


def p_free_on_arrival(
    figure: Figure | None, held: int, arrival_in_s: float, age_s: float, table: Resource
) -> float | None:
    """Probability (0..1) that a place is left for a further case that arrives in `arrival_in_s` seconds.

    `held`: slots held for others on their way; `age_s`: age of the count in seconds; `table`: the resource's row. None
    when the count is not known or the resource counts patients. Whether a count is too old to be believed at all
    is not asked here (`free_now`): its chance is then close to the base rate.
    """
    chance = chance_of(figure, held, age_s, table)
    return None if chance is None else chance.at(arrival_in_s)


def chance_of(figure: Figure | None, held: int, age_s: float, table: Resource) -> Chance | None:
    """The same for any time of arrival."""
    if figure is None or figure.free is None or table.is_load:
        return None
    places, taken = _ward(figure, table)
    terms, age_s = _spectrum(table, places, taken, places - held - 1), max(0.0, age_s)
    return Chance(_base(terms), 2.0 ** (-age_s / table.half_life_s), age_s, terms)


def base_rate(figure: Figure | None, held: int, table: Resource) -> float | None:
    """What is left to say when nothing of the count is believed any more; None as for `p_free_on_arrival`."""
    if figure is None or figure.free is None or table.is_load:
        return None
    places, taken = _ward(figure, table)
    return _base(_spectrum(table, places, taken, places - held - 1))


def _ward(figure: Figure, table: Resource) -> tuple[int, int]:
    """(places, taken). Where the total was never stated the places known of, at least as many as is usual.

    A larger ward than PLACES_MAX is looked at in part: all its free places first, with their share of the inflow.
    """
    free, known = figure.free or 0, (figure.free or 0) + (figure.in_use or 0)
    places = max(figure.total if figure.total is not None else table.typical_total or 1, known, 1)
    seen = min(places, PLACES_MAX)
    return seen, seen - min(free, seen)


def _base(terms: tuple[tuple[float, float], ...]) -> float:
    return _clipped(terms[-1][1]) if terms else 0.0


def _clipped(chance: float) -> float:
    return 0.0 if chance < 0.0 else 1.0 if chance > 1.0 else chance


@lru_cache(maxsize=65536)
def _spectrum(table: Resource, places: int, taken: int, most: int) -> tuple[tuple[float, float], ...]:
    """That at most `most` of the places are taken: each rate r_j per second with what it adds to the chance, the last
    the base rate's; () where that cannot be."""
    if most < 0:
        return ()
    occupancy_min = table.occupancy_min or 0.0
    load = (table.inflow_per_h or 0.0) * occupancy_min / 60 * places  # mean number wanted at once
    rates, vectors, log_law = _chain(load, places)
    towards = np.exp((log_law[: most + 1] - log_law[taken]) / 2)
    weights = vectors[taken] * (towards @ vectors[: most + 1])
    return tuple(zip((rates / ((occupancy_min or 1.0) * 60)).tolist(), weights.tolist(), strict=True))


@lru_cache(maxsize=4096)
def _chain(load: float, places: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues (rising, the last is 0) and eigenvectors of the symmetric generator, and log π but for a constant."""
    taken = np.arange(places + 1)
    births = np.where(taken < places, load, 0.0)
    beside = np.sqrt(load * taken[1:])
    rates, vectors = np.linalg.eigh(np.diag(-(births + taken)) + np.diag(beside, 1) + np.diag(beside, -1))
    rates[-1] = 0.0
    log_law = taken * np.log(load) - np.cumsum(np.log(np.maximum(taken, 1)))
    return np.minimum(rates, 0.0), vectors, log_law
