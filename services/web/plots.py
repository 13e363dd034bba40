"""Plots as SVG: a line over time, and a timeline of who worked when. They need no script."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from shared.control.time_spent import end_of_dead, stage_of
from shared.control.traces import SECOND, KeptSpan, Trace

WIDTH, HEIGHT = 600.0, 80.0


class Line(NamedTuple):
    """The attributes of an SVG of WIDTH × HEIGHT."""

    points: str
    area: str
    highest: float
    last: float


def line(series: Sequence[tuple[datetime, float]], seconds: float = 3600.0) -> Line | None:
    """The last `seconds` of a series; None with less than two values."""
    if len(series) < 2:
        return None
    end = series[-1][0]
    highest = max(value for _, value in series)
    places = [
        (
            WIDTH * max(0.0, 1 - (end - at).total_seconds() / seconds),
            HEIGHT - 2 - (HEIGHT - 8) * (value / highest if highest else 0.0),
        )
        for at, value in series
    ]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    area = f"{places[0][0]:.1f},{HEIGHT} {points} {places[-1][0]:.1f},{HEIGHT}"
    return Line(points, area, highest, series[-1][1])


class Bar(NamedTuple):
    x: float
    width: float
    row: int
    kind: str
    title: str


class Row(NamedTuple):
    who: str
    y: int


class Timeline(NamedTuple):
    rows: list[Row]
    bars: list[Bar]
    seconds: float
    height: int


ROW_HEIGHT = 26
SMALLEST = 0.25


def timeline(trace: Trace) -> Timeline:
    """A row for each process, a bar for each handling; `x` and `width` are in percent."""
    handlings = trace.handlings
    writers = list(dict.fromkeys(span.writer for span in handlings))
    begin, length = trace.begin, max(1, trace.end - trace.begin)
    bars = []
    for span in handlings:
        attempt = int(span.attributes.get("impasto.attempt", 1))
        stop = span.end or end_of_dead(trace, span)
        bars.append(
            Bar(
                round(100 * (span.start - begin) / length, 3),
                max(SMALLEST, round(100 * (stop - span.start) / length, 3)),
                writers.index(span.writer),
                kind_of(span, attempt),
                title_of(span, stop, attempt),
            )
        )
    rows = [Row(writer, number * ROW_HEIGHT) for number, writer in enumerate(writers)]
    return Timeline(rows, bars, length / SECOND, len(rows) * ROW_HEIGHT)


def kind_of(span: KeptSpan, attempt: int) -> str:
    if span.end is None:
        return "died"
    if span.error:
        return "failed"
    return "again" if attempt > 1 else stage_of(span).replace(" ", "-")


def title_of(span: KeptSpan, stop: int, attempt: int) -> str:
    place = ".".join(
        str(span.attributes[name])
        for name in ("impasto.segment", "impasto.chunk")
        if name in span.attributes
    )
    what = f"{stage_of(span)} {place}".strip()
    again = f", attempt {attempt}" if attempt > 1 else ""
    died = "; its process died" if span.end is None else ""
    error = f"; {span.error}" if span.error else ""
    return f"{what}{again}: {(stop - span.start) / SECOND:.2f} s{died}{error}"
