"""What a model sees of a reading: its value, and how it differs from its neighbours.

Training and scoring compute features by the same code. A reading's neighbours are the last `span`
ones of its device up to itself, and for an hour's first ones the first `span` of that hour. None is
of another hour: so a reading has the same features in a round as in the days that a model learns
from.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from workloads.readings.columns import Columns

Floats = NDArray[np.float64]
#: Microseconds.
SECOND = 1_000_000
HOUR = 3600 * SECOND
#: As a share of the mean; so the spread of equal values has a logarithm.
SMALLEST_SPREAD = 1e-6
#: value: the value itself; mean, spread, slope: of its neighbours the mean, the logarithm of the
#: standard deviation, and the slope a second; deviation: its difference to the others' mean;
#: gap: seconds since the one before; day: the time of day, as a point on a circle (two columns).
Name = Literal["value", "mean", "deviation", "spread", "slope", "gap", "day"]
DEFAULT: tuple[Name, ...] = ("value", "deviation", "spread", "slope", "day")


class Features(BaseModel):
    """Which features a model has, in order; stored with the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[Name, ...] = Field(DEFAULT, min_length=1)
    span: int = Field(10, ge=2, le=1000)

    @property
    def width(self) -> int:
        return len(self.names) + ("day" in self.names)


class Neighbours(NamedTuple):
    """Of each reading's neighbours."""

    number: Floats
    mean: Floats
    variance: Floats
    slope: Floats


def compute(features: Features, columns: Columns) -> Floats:
    """A row for each reading; the readings are sorted by device and time."""
    _, codes, times, values = columns
    if not len(values):
        return np.empty((0, features.width))
    before = readings_before(codes, times)
    near = neighbours(before, times, values, features.span)
    found: list[Floats] = []
    for name in features.names:
        if name == "day":
            angle = (times % (24 * HOUR)) * (2 * np.pi / (24 * HOUR))
            found += [np.sin(angle), np.cos(angle)]
        else:
            found.append(feature(name, near, before, times, values))
    return np.stack(found, axis=1)


def readings_before(codes: NDArray[np.int32], times: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many readings of the same device and hour come before each."""
    hours = times // HOUR
    new = np.concatenate([[True], (codes[1:] != codes[:-1]) | (hours[1:] != hours[:-1])])
    number = np.arange(len(codes))
    return number - np.maximum.accumulate(np.where(new, number, 0))


def neighbours(
    before: NDArray[np.int64], times: NDArray[np.int64], values: Floats, span: int
) -> Neighbours:
    count = np.minimum(before + 1.0, span)
    sums = [np.zeros(len(values)) for _ in range(5)]
    for lag in range(1, min(span, len(values))):
        there = before[lag:] >= lag
        # Differences to the reading itself lose no digits where values are large.
        change = np.where(there, values[:-lag] - values[lag:], 0)
        passed = np.where(there, (times[:-lag] - times[lag:]) * (1 / SECOND), 0)
        for total, part in zip(
            sums, (change, change * change, passed, passed * passed, passed * change), strict=True
        ):
            total[lag:] += part
    changes, squares, passes, pass_squares, products = sums
    shift = changes / count
    across = pass_squares - passes * passes / count
    along = products - passes * shift
    sloped = across > 1e-12
    near = Neighbours(
        count,
        values + shift,
        np.maximum(0, squares / count - shift * shift),
        np.where(sloped, along / np.where(sloped, across, 1), 0),
    )
    first = np.arange(len(values)) - before
    sizes = np.bincount(first, minlength=len(values))[first]
    early = before < np.minimum(span, sizes) - 1
    source = np.where(early, first + np.minimum(span, sizes) - 1, np.arange(len(values)))
    return Neighbours(*(column[source] for column in near))


def feature(
    name: Name,
    near: Neighbours,
    before: NDArray[np.int64],
    times: NDArray[np.int64],
    values: Floats,
) -> Floats:
    if name == "value":
        return values
    if name == "mean":
        return near.mean
    if name == "deviation":
        return (values - near.mean) * near.number / np.maximum(1, near.number - 1)
    if name == "spread":
        return np.log(np.sqrt(near.variance) + SMALLEST_SPREAD * (np.abs(near.mean) + 1e-6))
    if name == "gap":
        passed = np.diff(times, prepend=times[:1]) * (1 / SECOND)
        return np.where(before > 0, passed, 0)
    return near.slope
