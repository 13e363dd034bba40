"""Drops a thousand short videos at once, with and without killing services: `make crowd`."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.chart import Panel, svg
from benchmarks.crowd.run import (
    FOLDER,
    KILL_SECONDS,
    LATE_FOLDER,
    LATE_SHARE,
    NODES,
    VIDEOS,
    CrowdRun,
    run,
)
from benchmarks.report import Goal, Plot, Report, Table, show
from shared import logs
from tests.support.media import make_clip


def report() -> Report:
    with tempfile.TemporaryDirectory(prefix="impasto-bench-") as name:
        folder = Path(name)
        clip = make_clip(folder / "clip.mp4", seconds=2, size="320x180")
        undisturbed = run("undisturbed", folder, clip, killing=False)
        killed = run("killed", folder, clip, killing=True)
    runs = [undisturbed, killed]
    ratio = 0.0 if killed.unfinished else undisturbed.seconds / killed.seconds
    counts = {
        "videos not finished": sum(run.unfinished for run in runs),
        "messages in poison": sum(run.poison for run in runs),
        "intermediates left": sum(run.left for run in runs),
    }
    peak = max(dot.y for run in runs for dot in run.intermediates)
    return Report(
        [
            *(Goal(what, "0", str(count), count == 0) for what, count in counts.items()),
            Goal("rate under kills ÷ undisturbed", "≥ 0.5", f"{ratio:.2f}", ratio >= 0.5),
        ],
        [
            f"{VIDEOS:,} clips of two seconds, 320×180, style `{FOLDER}`, are dropped at once into"
            f" a stack of {NODES} nodes, and one in `{LATE_FOLDER}` when {LATE_SHARE:.0%} of them"
            f" are finished. In the second run {killed.kills} processes are killed, one every"
            f" {KILL_SECONDS[0]:.0f} to {KILL_SECONDS[1]:.0f} seconds. The peak of all"
            f" intermediates is {peak:.0f} MiB.",
            times(runs),
            Plot("crowd.svg", "Outputs and intermediates over time", plot(runs)),
            memory(runs),
        ],
    )


def times(runs: Sequence[CrowdRun]) -> Table:
    columns = (
        "",
        "all done, s",
        "first output, s",
        "late video, s",
        "places out of order",
        "peak of intermediates, MiB",
    )
    rows = [
        (
            run.name,
            f"{run.seconds:.0f}",
            f"{run.first:.1f}",
            f"{run.late:.1f}",
            f"{run.disorder:.1f}",
            f"{max(dot.y for dot in run.intermediates):.1f}",
        )
        for run in runs
    ]
    return Table(columns, rows)


def memory(runs: Sequence[CrowdRun]) -> Table:
    services = sorted({service for run in runs for service in run.memory})
    rows = [(service, *(f"{run.memory[service]:.0f}" for run in runs)) for service in services]
    return Table(("peak memory, MiB", *(run.name for run in runs)), rows)


def plot(runs: Sequence[CrowdRun]) -> str:
    series = {
        "outputs": {run.name: run.outputs for run in runs},
        "intermediates, MiB": {run.name: run.intermediates for run in runs},
    }
    panels = [Panel(title, dots, linear=True, radius=2) for title, dots in series.items()]
    return svg(panels, "seconds since the drop")


if __name__ == "__main__":
    logs.configure("bench", "error")
    show(report())
