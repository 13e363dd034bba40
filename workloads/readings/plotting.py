"""A device's readings, their score and the anomalies, as a picture."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from PIL import Image, ImageDraw, ImageFont

from workloads.readings.features import Floats

#: Drawn larger and then reduced, so that lines are smooth.
LARGER = 3
WIDTH, HEIGHT = 1200, 640
LEFT, RIGHT, TOP, GAP, BOTTOM = 90, 30, 60, 50, 50
INK, FAINT, GRID, BLUE, GREEN, RED = (
    "#222222", "#666666", "#e4e4e4", "#2b6cb0", "#2f855a", "#d62728",
)  # fmt: skip
TICKS = (1, 2, 2.5, 5, 10)
#: Seconds between two ticks of time.
STEPS = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 604_800)


class Panel(NamedTuple):
    top: float
    bottom: float
    low: float
    high: float

    def y(self, values: Floats) -> Floats:
        share = (values - self.low) / (self.high - self.low)
        return self.bottom - share * (self.bottom - self.top)


def plot_device(device: str, rows: pa.Table, path: Path) -> None:
    seconds = np.asarray(rows.column("time").cast(pa.int64())) / 1e6
    values = np.asarray(rows.column("value"))
    scores = np.asarray(rows.column("score"))
    wrong = np.asarray(rows.column("anomaly"))
    picture = Image.new("RGB", (WIDTH * LARGER, HEIGHT * LARGER), "white")
    draw = Draw(picture)
    first, last = seconds[0], max(seconds[-1], seconds[0] + 1)
    draw.first, draw.last = first, last
    middle = TOP + (HEIGHT - TOP - GAP - BOTTOM) * 0.62
    upper, lower = panel(TOP, middle, values), panel(middle + GAP, HEIGHT - BOTTOM, scores)
    start = datetime.fromtimestamp(first, UTC)
    count = f"{int(wrong.sum())} of {len(wrong)} readings are anomalies"
    title = f"{device}, {start:%Y-%m-%d} (UTC): {count}"
    draw.text(LEFT, 16, title, INK, 18)
    for name, each in (("value", upper), ("score", lower)):
        draw.axes(each, name)
    draw.times(lower.bottom)
    draw.line(seconds, upper.y(values), BLUE)
    draw.line(seconds, lower.y(scores), GREEN)
    draw.dots(seconds[wrong], upper.y(values)[wrong])
    draw.dots(seconds[wrong], lower.y(scores)[wrong])
    picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(path)


def panel(top: float, bottom: float, values: Floats) -> Panel:
    low, high = float(values.min()), float(values.max())
    room = 0.06 * (high - low) or max(1e-9, 0.01 * abs(high))
    return Panel(top, bottom, low - room, high + room)


class Draw:
    first = last = 0.0

    def __init__(self, picture: Image.Image) -> None:
        self._draw = ImageDraw.Draw(picture)

    def x(self, seconds: Floats) -> Floats:
        share = (seconds - self.first) / (self.last - self.first)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def text(
        self, x: float, y: float, text: str, colour: str, size: int, where: str = "la"
    ) -> None:
        font = ImageFont.load_default(size * LARGER)
        self._draw.text((x * LARGER, y * LARGER), text, colour, font, where)

    def line(self, seconds: Floats, ys: Floats, colour: str) -> None:
        """A line, broken where readings are missing."""
        gaps = np.diff(seconds)
        usual = np.median(gaps) if len(gaps) else 0.0
        breaks = np.flatnonzero(gaps > 5 * usual) + 1
        for xs, part in zip(np.split(self.x(seconds), breaks), np.split(ys, breaks), strict=True):
            self._draw.line(points(xs, part), colour, 2 * LARGER, "curve")

    def dots(self, seconds: Floats, ys: Floats) -> None:
        for x, y in points(self.x(seconds), ys):
            self._draw.circle((x, y), 4 * LARGER, RED)

    def axes(self, each: Panel, name: str) -> None:
        for value in ticks(each.low, each.high):
            y = float(each.y(np.array([value]))[0])
            self._rule(LEFT, y, WIDTH - RIGHT, y)
            self.text(LEFT - 8, y, f"{value:g}", FAINT, 13, "rm")
        self.text(LEFT, each.top - 6, name, FAINT, 14, "ls")

    def times(self, bottom: float) -> None:
        step = next((s for s in STEPS if (self.last - self.first) / s <= 9), STEPS[-1])
        pattern = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86_400 else "%m-%d"
        tick = np.ceil(self.first / step) * step
        while tick <= self.last:
            x = float(self.x(np.array([tick]))[0])
            self._rule(x, TOP, x, bottom)
            self.text(
                x, bottom + 8, f"{datetime.fromtimestamp(tick, UTC):{pattern}}", FAINT, 13, "ma"
            )
            tick += step

    def _rule(self, x: float, y: float, to_x: float, to_y: float) -> None:
        self._draw.line([(x * LARGER, y * LARGER), (to_x * LARGER, to_y * LARGER)], GRID, LARGER)


def points(xs: Floats, ys: Floats) -> list[tuple[float, float]]:
    return [(float(x) * LARGER, float(y) * LARGER) for x, y in zip(xs, ys, strict=True)]


def ticks(low: float, high: float) -> Sequence[float]:
    """Five or so round numbers."""
    rough = (high - low) / 8
    power = 10 ** np.floor(np.log10(rough))
    step = power * next(t for t in TICKS if t * power >= rough)
    return [round(n * step, 12) for n in range(int(np.ceil(low / step)), int(high // step) + 1)]
