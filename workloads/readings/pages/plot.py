"""A device's readings and scores, and anomalies by hour, as the numbers of an SVG."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from workloads.readings.features import Floats

WIDTH, HEIGHT = 900.0, 200.0
MARGIN = 8.0
#: More points than these are thinned out: of each group, the lowest and the highest stay.
MOST_POINTS = 1600


class Panel(NamedTuple):
    points: str
    #: Where the anomalies are.
    dots: list[tuple[float, float]]
    low: float
    high: float


class Plot(NamedTuple):
    values: Panel
    scores: Panel
    start: datetime
    stop: datetime
    readings: int
    anomalies: int


class Bar(NamedTuple):
    window: str
    anomalies: int
    x: float
    width: float
    height: float


def plot(rows: pa.Table) -> Plot:
    seconds = np.asarray(rows.column("time").cast(pa.int64())) / 1e6
    wrong = np.asarray(rows.column("anomaly"))
    first, last = seconds[0], max(seconds[-1], seconds[0] + 1)
    x = WIDTH * (seconds - first) / (last - first)
    return Plot(
        panel(x, np.asarray(rows.column("value")), wrong),
        panel(x, np.asarray(rows.column("score")), wrong),
        datetime.fromtimestamp(first, UTC),
        datetime.fromtimestamp(last, UTC),
        len(wrong),
        int(wrong.sum()),
    )


def panel(x: Floats, values: Floats, wrong: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> Panel:
    low, high = float(values.min()), float(values.max())
    room = (high - low) or 1.0
    y = HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * (values - low) / room
    kept = thinned(y)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[kept], y[kept], strict=True))
    dots = [
        (round(float(a), 1), round(float(b), 1)) for a, b in zip(x[wrong], y[wrong], strict=True)
    ]
    return Panel(points, dots[:MOST_POINTS], low, high)


def thinned(y: Floats) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """The places of the points to draw."""
    size = -(-len(y) // (MOST_POINTS // 2))
    if size <= 1:
        return np.arange(len(y))
    kept = set()
    for start in range(0, len(y), size):
        part = y[start : start + size]
        kept |= {start + int(part.argmin()), start + int(part.argmax())}
    return np.array(sorted(kept))


def bars(counts: Sequence[tuple[str, int]]) -> list[Bar]:
    highest = max((count for _, count in counts), default=0) or 1
    width = WIDTH / max(24, len(counts))
    first = WIDTH - width * len(counts)
    return [
        Bar(
            window, count, round(first + n * width, 2), round(width * 0.8, 2), 100 * count / highest
        )
        for n, (window, count) in enumerate(counts)
    ]
