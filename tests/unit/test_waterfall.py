"""A job's trace is drawn, and its time is accounted for, from what its services kept."""

import io
from typing import Any

from rich.console import Console

from services.console.waterfall import MOST_ROWS, summary, waterfall
from shared.control.time_spent import time_spent
from shared.control.traces import SECOND, Trace, trace_from
from shared.telemetry.ids import trace_of

JOB = "holiday-0123456789ab"


def span(
    name: str, start: float, end: float | None, waited: float = 0, **more: Any
) -> dict[str, Any]:
    attributes = {
        "impasto.waited_seconds": waited,
        "impasto.cpu_seconds": 0.5,
        "impasto.attempt": 1,
    }
    described = {
        "name": name,
        "trace": trace_of(JOB),
        "id": f"{name}-{start}",
        "parent": None,
        "kind": "consumer",
        "writer": "scorer-vm-1",
        "start": int(start * SECOND),
        "end": None if end is None else int(end * SECOND),
        "attributes": attributes | more.pop("attributes", {}),
        "events": [],
        "link": None,
        "error": None,
    } | more
    return {"begun" if end is None else "span": described}


#: Dropped at 100; a node comes at 110; its worker is killed at 112, and the next one starts at 115.
LINES = [
    span("process waiting", 101, 102, waited=1),
    span("process segments", 102, 104),
    span("process chunks", 110, None, waited=6, attributes={"messaging.message.id": "m"}),
    span("process chunks", 110, None, waited=6, attributes={"messaging.message.id": "m"}),
    span(
        "process chunks",
        115,
        120,
        waited=11,
        writer="scorer-vm-2",
        attributes={"messaging.message.id": "m", "impasto.attempt": 2},
        events=[{"name": "lease lost", "at": 0}],
    ),
    span("process scored", 121, 125, waited=1, id="last", writer="stitcher-vm-3"),
    span("finish", 123, 125, kind="internal", parent="last", id="finish"),
    {"event": "done", "timestamp": "2026-01-01"},
]


def drawn(trace: Trace, every: bool = False) -> str:
    console = Console(file=io.StringIO(), width=150, color_system=None)
    console.print(waterfall(trace, every))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_every_moment_counts_once_and_a_dead_worker_is_seen() -> None:
    trace = trace_from(JOB, LINES)
    spent = time_spent(trace, items=10)
    assert spent.seconds == 25
    assert sum(spent.elapsed.values()) == spent.seconds
    assert spent.elapsed == {
        "model": 10,
        "finish": 2,
        "join": 2,
        "split": 2,
        "plan": 1,
        "wait for node": 6,
        "wait": 2,
    }
    assert spent.seconds_per_item["model"] == 1
    assert spent.cpu["model"] == 1
    said = drawn(trace)
    assert said.count("its process died") == 1
    assert "chunks, attempt 2: lease lost" in said
    assert any("finish" in sentence for sentence in summary(spent))


def test_a_long_trace_is_shortened_unless_all_is_asked_for() -> None:
    lines = [span("process chunks", 100 + n, 101 + n) for n in range(MOST_ROWS + 40)]
    trace = trace_from(JOB, lines)
    assert "40 more; --all shows them" in drawn(trace)
    assert drawn(trace, every=True).count("scorer-vm-1") == MOST_ROWS + 40


def test_what_a_service_wrote_is_not_taken_for_markup() -> None:
    lines = [span("process chunks", 1, 2, writer="[red]scorer\x1b[2J")]
    said = drawn(trace_from(JOB, lines))
    assert "[red]scorer" in said
    assert "\x1b" not in said
