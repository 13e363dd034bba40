"""Scatter plots side by side, on logarithmic or linear axes, as SVG."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

WIDTH, HEIGHT, GAP = 300, 230, 64
LEFT, TOP, BOTTOM = 52, 64, 48
#: One for each series.
COLOURS = ("#1f6f8b", "#d98324", "#a23b72", "#5b8c3a", "#6a5acd", "#b5523b", "#777777")
INK, PALE = "#333333", "#dddddd"


class Dot(NamedTuple):
    x: float
    y: float


class Panel(NamedTuple):
    title: str
    dots: Mapping[str, Sequence[Dot]]
    line_at: float | None = None
    #: Linear axes from zero, instead of logarithmic ones.
    linear: bool = False
    radius: float = 3.5


def svg(panels: Sequence[Panel], x_label: str) -> str:
    width = LEFT + len(panels) * (WIDTH + GAP)
    height = TOP + HEIGHT + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' font-family="sans-serif" font-size="12" fill="{INK}">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *legend(panels[0].dots),
    ]
    for number, panel in enumerate(panels):
        parts += drawn(panel, LEFT + number * (WIDTH + GAP), x_label)
    return "\n".join([*parts, "</svg>", ""])


def legend(names: Iterable[str]) -> Iterable[str]:
    x = float(LEFT)
    for name, colour in zip(names, COLOURS, strict=False):
        yield f'<circle cx="{x + 5}" cy="18" r="5" fill="{colour}"/>'
        yield text(x + 16, 22, name)
        x += 40 + 7 * len(name)


def drawn(panel: Panel, left: float, x_label: str) -> Iterable[str]:
    dots = [dot for series in panel.dots.values() for dot in series]
    axis = LinearAxis if panel.linear else LogAxis
    across = axis([dot.x for dot in dots], left, left + WIDTH)
    up = axis([dot.y for dot in dots], TOP + HEIGHT, TOP)
    yield text(left, TOP - 14, panel.title, weight="bold")
    for tick in across.ticks():
        x = across.at(tick)
        yield line(x, TOP, x, TOP + HEIGHT, PALE)
        yield text(x, TOP + HEIGHT + 16, across.name(tick), anchor="middle")
    for tick in up.ticks():
        y = up.at(tick)
        yield line(left, y, left + WIDTH, y, PALE)
        yield text(left - 6, y + 4, up.name(tick), anchor="end")
    if panel.line_at:
        y = up.at(panel.line_at)
        yield line(left, y, left + WIDTH, y, INK, dashes="4 3")
        yield text(left + WIDTH, y - 5, f"{panel.line_at:g}", anchor="end")
    yield text(left + WIDTH / 2, TOP + HEIGHT + 36, x_label, anchor="middle")
    for series, colour in reversed(list(zip(panel.dots.values(), COLOURS, strict=False))):
        for dot in series:
            yield (
                f'<circle cx="{across.at(dot.x):.1f}" cy="{up.at(dot.y):.1f}" r="{panel.radius}"'
                f' fill="{colour}" fill-opacity="0.75"/>'
            )


class LogAxis:
    """From one power of ten to another; a value may lie slightly below the first."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self._low = math.floor(math.log10(min(values)) + 0.05)
        self._high = max(self._low + 1, math.ceil(math.log10(max(values))))
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        part = (math.log10(value) - self._low) / (self._high - self._low)
        return self._start + part * (self._end - self._start)

    def ticks(self) -> list[float]:
        return [10.0**power for power in range(self._low, self._high + 1)]

    def name(self, tick: float) -> str:
        return power(tick)


class LinearAxis:
    """From zero to a round number not below the largest value."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        largest = max(*values, 1e-9)
        magnitude = 10.0 ** math.floor(math.log10(largest))
        self._step = next(s * magnitude / 5 for s in (1, 2, 5, 10) if s * magnitude >= largest)
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        return self._start + value / (5 * self._step) * (self._end - self._start)

    def ticks(self) -> list[float]:
        return [number * self._step for number in range(6)]

    def name(self, tick: float) -> str:
        return f"{tick:g}"


def power(value: float) -> str:
    digits = "⁰¹²³⁴⁵⁶⁷⁸⁹"
    exponent = round(math.log10(value))
    if 0 <= exponent <= 2:
        return f"{value:g}"
    sign = "⁻" if exponent < 0 else ""
    return f"10{sign}{''.join(digits[int(digit)] for digit in str(abs(exponent)))}"


def line(x1: float, y1: float, x2: float, y2: float, colour: str, dashes: str = "") -> str:
    extra = f' stroke-dasharray="{dashes}"' if dashes else ""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}"{extra}/>'


def text(x: float, y: float, words: str, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{escape(words)}</text>"
    )
