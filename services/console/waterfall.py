"""Draws a job's trace: one bar for each delivery, and where the time went."""

from collections.abc import Iterator

from rich.table import Column, Table
from rich.text import Text

from services.console.terminal import plain
from shared.control.time_spent import TimeSpent, end_of_dead, stage_of
from shared.control.traces import SECOND, KeptSpan, Trace

COLOURS = {
    "model": "magenta",
    "finish": "cyan",
    "join": "blue",
    "split": "green",
    "plan": "yellow",
    "wait": "bright_black",
    "wait for node": "bright_black",
}
WAITING, WORKING, DEAD, PART = "·", "█", "▒", "─"
#: With more deliveries, those in the middle are left out.
MOST_ROWS = 60
BAR = 48


def waterfall(trace: Trace, every: bool = False) -> Table:
    table = Table(
        Column("who", no_wrap=True),
        Column("what", overflow="fold"),
        Column("from", justify="right"),
        Column("waited", justify="right"),
        Column("took", justify="right"),
        Column(f"{seconds(trace.end - trace.begin)} s", width=BAR, no_wrap=True),
        box=None,
        padding=(0, 1),
    )
    handlings = trace.handlings
    left_out = 0 if every else max(0, len(handlings) - MOST_ROWS)
    for number, span in enumerate(handlings):
        if left_out and number == MOST_ROWS // 2:
            table.add_row("…", f"{left_out} more; --all shows them")
        if left_out and MOST_ROWS // 2 <= number < MOST_ROWS // 2 + left_out:
            continue
        add_delivery(table, trace, span)
    return table


def add_delivery(table: Table, trace: Trace, span: KeptSpan) -> None:
    end = span.end or end_of_dead(trace, span)
    colour = COLOURS.get(stage_of(span), "white")
    table.add_row(
        plain(span.writer),
        plain(what(span), "red" if span.error or span.end is None else ""),
        seconds(span.start - trace.begin),
        seconds(span.start - trace.sent(span)),
        seconds(end - span.start),
        bar(
            trace, trace.sent(span), span.start, end, DEAD if span.end is None else WORKING, colour
        ),
    )
    by_name: dict[str, list[KeptSpan]] = {}
    for part in trace.parts_of(span):
        by_name.setdefault(part.name, []).append(part)
    for name, parts in by_name.items():
        table.add_row(
            "",
            plain(f"  {name}" + (f" × {len(parts)}" if len(parts) > 1 else ""), "dim"),
            seconds(parts[0].start - trace.begin),
            "",
            seconds(sum((part.end or part.start) - part.start for part in parts)),
            bars(trace, parts, colour),
        )


def what(span: KeptSpan) -> str:
    """Such as `chunk 0.2, attempt 2: retried`."""
    told = span.attributes
    place = ".".join(
        str(told[f"impasto.{n}"]) for n in ("segment", "chunk") if f"impasto.{n}" in told
    )
    words = f"{span.name.removeprefix('process ')} {place}".strip()
    if told.get("impasto.attempt", 1) > 1:
        words += f", attempt {told['impasto.attempt']}"
    if span.end is None:
        return f"{words}: its process died"
    happened = [event.name for event in span.events]
    return f"{words}: {', '.join(happened)}" if happened else words


def bar(trace: Trace, sent: int, start: int, end: int, fill: str, colour: str) -> Text:
    whole = max(1, trace.end - trace.begin)

    def column(moment: int) -> int:
        return min(BAR, max(0, round((moment - trace.begin) / whole * BAR)))

    first, last = column(start), max(column(start) + 1, column(end))
    waited = max(0, first - column(sent))
    text = Text(" " * (first - waited))
    text.append(WAITING * waited, "bright_black")
    text.append(fill * (last - first), colour)
    return text


def bars(trace: Trace, parts: list[KeptSpan], colour: str) -> Text:
    """Of all parts, in one line."""
    line = [" "] * BAR
    for part in parts:
        drawn = bar(trace, part.start, part.start, part.end or part.start, PART, colour).plain
        for column, char in enumerate(drawn[:BAR]):
            line[column] = char if char != " " else line[column]
    return Text("".join(line), colour)


def summary(spent: TimeSpent) -> Iterator[str]:
    """Sentences on where the time, the CPU and the money went."""
    yield f"{spent.seconds:.1f} s from the drop to the end: {shares(spent.elapsed)}"
    yield f"worked, side by side: {shares(spent.worked)}"
    yield f"CPU: {shares(spent.cpu)}"
    if spent.items:
        each = ", ".join(f"{stage} {value:.3f}" for stage, value in spent.seconds_per_item.items())
        yield f"{spent.items:,} items; seconds an item: {each}"
    asked = ", ".join(f"{count:,} {kind}" for kind, count in spent.requests.items())
    yield f"requests to storage: {asked}; with its workers' time ${spent.dollars:.4f}"


def shares(values: dict[str, float]) -> str:
    return ", ".join(f"{stage} {value:.1f} s" for stage, value in values.items()) or "nothing"


def seconds(nanoseconds: int) -> str:
    return f"{max(0, nanoseconds) / SECOND:.2f}"
