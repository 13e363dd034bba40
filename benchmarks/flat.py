"""Checks that a frame of a long video costs no more than one of a short video.

It measures each service's CPU time and memory, and the requests to storage, for the same small clip
at three lengths. The style is `original`, which measures the services without a model.
"""

import tempfile
from collections import Counter
from pathlib import Path
from unittest.mock import patch

from benchmarks.chart import Dot, Panel, svg
from benchmarks.measured_stack import Run, measured_stack
from benchmarks.report import Goal, Plot, Report, Table, show
from benchmarks.sample_clip import frames_in, looped
from benchmarks.storage_requests import BLOBS, LOGGING_FLAGS, QUEUES, Kind, count_requests
from services.console import azurite
from shared import logs
from tests.support.media import make_clip

STYLE = "original"
SIZE = "320x180"
LENGTHS = (30.0, 120.0, 600.0)
#: The most that a longer video may cost, over the shortest.
FLAT = 1.1
MIB = 2**20
#: The most operations a frame.
MOST_OPERATIONS = {BLOBS: 0.3, QUEUES: 0.1}
SERVICES = ("splitter", "dispatcher", "scorer", "stitcher", "trigger", "azurite", "batchai")


def report() -> Report:
    with tempfile.TemporaryDirectory(prefix="impasto-bench-") as name:
        folder = Path(name)
        base = make_clip(folder / "base.mp4", seconds=10, size=SIZE)
        clips = [looped(base, length, folder / f"{length:.0f}.mp4") for length in LENGTHS]
        with (
            patch.object(azurite, "FLAGS", LOGGING_FLAGS),
            measured_stack(folder / "stack") as stack,
        ):
            stack.paint(base, f"{STYLE}/warm.mp4", frames_in(base))
            runs = [stack.paint(clip, f"{STYLE}/{clip.name}", frames_in(clip)) for clip in clips]
    found = count_requests(runs[-1].requests)
    frames = runs[-1].frames
    return Report(
        [*flatness(runs), *(few(found, account, frames) for account in MOST_OPERATIONS)],
        [
            f"{SIZE}, style {STYLE}, on one stack that has painted a short clip before. CPU time is"
            " that of all services together. Memory is the peak of each service, summed over its"
            " processes, so shared pages count several times.",
            costs(runs),
            Plot(
                "flat.svg", "CPU time a frame and memory of each service, over frames", plot(runs)
            ),
            f"Requests in Azurite's access log for {frames:,} frames. With a blob for each frame,"
            " there would be 4 operations a frame on storage, and 2 more to delete them.",
            operations(found, frames),
        ],
    )


def cpu_of(run: Run) -> float:
    return sum(run.cpu_seconds.values()) / run.frames


def flatness(runs: list[Run]) -> list[Goal]:
    first, *others = runs
    cost = max(cpu_of(run) / cpu_of(first) for run in others)
    memory = {
        name: max(run.most_memory[name] for run in others) / first.most_memory[name]
        for name in SERVICES
        if name != "azurite"  # not a part of Impasto
    }
    most = max(memory, key=lambda name: memory[name])
    return [
        Goal(
            f"CPU time a frame, {others[0].frames:,} or {others[-1].frames:,} frames over"
            f" {first.frames:,}",
            f"≤ {FLAT}",
            f"{cost:.2f}",
            cost <= FLAT,
        ),
        Goal(
            "peak memory of a service, without Azurite, likewise",
            f"≤ {FLAT}",
            f"{memory[most]:.2f} ({most})",
            memory[most] <= FLAT,
        ),
    ]


def few(found: Counter[Kind], account: str, frames: int) -> Goal:
    mine = {kind: count for kind, count in found.items() if kind.account == account}
    worked = sum(count for kind, count in mine.items() if not kind.timed) / frames
    timed = sum(count for kind, count in mine.items() if kind.timed) / frames
    return Goal(
        f"operations a frame: {account}",
        f"≤ {MOST_OPERATIONS[account]}",
        f"{worked:.3f}, and {timed:.3f} by polling",
        worked <= MOST_OPERATIONS[account],
    )


def costs(runs: list[Run]) -> Table:
    columns = ("frames", "CPU ms a frame", *(f"{name}, MiB" for name in SERVICES))
    rows = [
        (
            f"{run.frames:,}",
            f"{cpu_of(run) * 1000:.1f}",
            *(f"{run.most_memory[name] / MIB:.0f}" for name in SERVICES),
        )
        for run in runs
    ]
    return Table(columns, rows)


def operations(found: Counter[Kind], frames: int) -> Table:
    rows = [
        (kind.account, kind.name, f"{count:,}", f"{count / frames:.4f}", "yes" * kind.timed)
        for kind, count in sorted(found.items(), key=lambda item: (item[0].account, -item[1]))
    ]
    return Table(("", "operation", "count", "a frame", "by polling"), rows)


def plot(runs: list[Run]) -> str:
    cpu = {
        name: [Dot(run.frames, 1000 * run.cpu_seconds[name] / run.frames) for run in runs]
        for name in SERVICES
    }
    memory = {
        name: [Dot(run.frames, run.most_memory[name] / MIB) for run in runs] for name in SERVICES
    }
    panels = [Panel("CPU time, ms a frame", cpu), Panel("peak memory, MiB", memory)]
    return svg(panels, "frames")


if __name__ == "__main__":
    logs.configure("bench", "warning")
    show(report())
