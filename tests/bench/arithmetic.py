"""The bench's own arithmetic: small, pure and tested, so that its figures can be."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence


def percentile(values: Iterable[float], share: float) -> float:
    """Return the smallest value that ``share`` of all values do not exceed.

    Nearest rank, as the load generator counts: no value is invented between two.
    An empty input gives 0.
    """
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[max(1, math.ceil(share * len(ordered))) - 1]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return the least-squares slope of (x, y) points; 0 if x does not vary."""
    if len({x for x, _ in points}) < 2:
        return 0.0
    xs, ys = zip(*points, strict=True)
    return statistics.linear_regression(xs, ys).slope


def median(values: Iterable[float]) -> float:
    """Return the median; an empty input gives 0."""
    known = list(values)
    return statistics.median(known) if known else 0.0


def ratio(mine: Mapping[int, float], theirs: Mapping[int, float]) -> float:
    """Return the median ratio of two figures, each given by round.

    A ratio is taken inside each round, where the two were measured seconds apart,
    and only then averaged: what else the machine did weighs on both sides of it.
    """
    shared = mine.keys() & theirs.keys()
    return median(mine[n] / theirs[n] for n in shared if theirs[n])
