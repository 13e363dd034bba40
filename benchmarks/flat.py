"""Whether a long video costs more than a short one, for each of its frames: it shouldn't.

CPU time and memory of every service, and what reaches storage, for three lengths of the same
small clip. The style is `original`, so that it is the services that are measured, not a model.
"""

import tempfile
from collections import Counter
from pathlib import Path
from unittest.mock import patch

from benchmarks.chart import Dot, Panel, svg
from benchmarks.operations import BLOBS, QUEUES, TALKATIVE, Kind, counted
from benchmarks.report import Goal, Plot, Report, Table, draw, tell
from benchmarks.sample import frames_in, looped
from benchmarks.watched import Run, watched
from services.console import azurite
from shared import logs
from tests.support.media import make_clip

STYLE = "original"
SIZE = "320x180"
LENGTHS = (30.0, 120.0, 600.0)
#: A length may cost so much more than the shortest.
FLAT = 1.1
MIB = 2**20
WANTED = {BLOBS: 0.3, QUEUES: 0.1}
SERVICES = ("splitter", "dispatcher", "scorer", "stitcher", "trigger", "azurite", "batchai")


def report() -> Report:
    with tempfile.TemporaryDirectory(prefix="impasto-bench-") as name:
        folder = Path(name)
        base = make_clip(folder / "base.mp4", seconds=10, size=SIZE)
        clips = [looped(base, length, folder / f"{length:.0f}.mp4") for length in LENGTHS]
        with patch.object(azurite, "FLAGS", TALKATIVE), watched(folder / "stack") as stack:
            stack.paint(base, f"{STYLE}/warm.mp4", frames_in(base))
            runs = [stack.paint(clip, f"{STYLE}/{clip.name}", frames_in(clip)) for clip in clips]
    found = counted(runs[-1].requests)
    frames = runs[-1].frames
    return Report(
        [*flatness(runs), *(few(found, account, frames) for account in WANTED)],
        [
            f"{SIZE}, style {STYLE}, one stack that has painted a short clip before. CPU time is of"
            " all services together; memory is the most that each had, its processes added up (what"
            " they share counts for each).",
            costs(runs),
            Plot(
                "flat.svg", "CPU time a frame and memory of each service, over frames", plot(runs)
            ),
            f"What reached Azurite for {frames:,} frames, by its own access log. A blob per frame"
            " would be 4 operations a frame on storage, and 2 more to clear up.",
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
        if name != "azurite"  # in Azure it is somebody else's
    }
    most = max(memory, key=lambda name: memory[name])
    return [
        Goal(
            f"CPU time a frame, of {others[-1].frames:,} frames or {others[0].frames:,} over that"
            f" of {first.frames:,}",
            f"≤ {FLAT}",
            f"{cost:.2f}",
            cost <= FLAT,
        ),
        Goal(
            "most memory of a service but Azurite, likewise",
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
        f"≤ {WANTED[account]}",
        f"{worked:.3f}, and {timed:.3f} by the clock",
        worked <= WANTED[account],
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
    return Table(("", "operation", "count", "a frame", "by the clock"), rows)


def plot(runs: list[Run]) -> str:
    cpu = {
        name: [Dot(run.frames, 1000 * run.cpu_seconds[name] / run.frames) for run in runs]
        for name in SERVICES
    }
    memory = {
        name: [Dot(run.frames, run.most_memory[name] / MIB) for run in runs] for name in SERVICES
    }
    panels = [Panel("CPU time, ms a frame", cpu), Panel("most memory, MiB", memory)]
    return svg(panels, "frames")


if __name__ == "__main__":
    logs.configure("bench", "warning")
    told = report()
    tell(told)
    draw(told)
