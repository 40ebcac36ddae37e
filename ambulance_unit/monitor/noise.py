"""Noise that is a pure function of time: the same seed gives the same noise however often and in whatever order."""

from __future__ import annotations

import zlib
from functools import lru_cache

import numpy as np

_BLOCK = 512  # samples drawn at a time


def white(seed: int, name: str, indices: range) -> np.ndarray:
    """Standard normal noise for these sample indices."""
    if not len(indices):
        return np.empty(0)
    first, last = indices[0] // _BLOCK, indices[-1] // _BLOCK
    drawn = np.concatenate([_normal_block(seed, name, block) for block in range(first, last + 1)])
    start = indices[0] - first * _BLOCK
    return drawn[start : start + len(indices)]


def chance(seed: int, name: str, index: int) -> float:
    """A number in 0..1 for one index."""
    return float(_uniform_block(seed, name, index // _BLOCK)[index % _BLOCK])


def wander(seed: int, name: str, at_s: np.ndarray | float) -> np.ndarray:
    """Slow drift of about unit spread: a few sines of seeded phase, periods from half a minute to four minutes."""
    rng = _rng(seed, f"wander:{name}", 0)
    periods_s, phases = np.array([31.0, 67.0, 113.0, 241.0]) * rng.uniform(0.9, 1.1, 4), rng.uniform(0, 2 * np.pi, 4)
    angles = 2 * np.pi * np.asarray(at_s, float)[..., None] / periods_s + phases
    return np.sin(angles).sum(axis=-1) / np.sqrt(2.0)


def _rng(seed: int, name: str, block: int) -> np.random.Generator:
    return np.random.default_rng((seed & 0xFFFFFFFF, zlib.crc32(name.encode()), block + 2**31))


@lru_cache(maxsize=64)
def _normal_block(seed: int, name: str, block: int) -> np.ndarray:
    return _rng(seed, name, block).standard_normal(_BLOCK)


@lru_cache(maxsize=64)
def _uniform_block(seed: int, name: str, block: int) -> np.ndarray:
    return _rng(seed, f"chance:{name}", block).random(_BLOCK)
