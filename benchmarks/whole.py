"""A whole run beside the bare model: from the drop of a video to its output, on the same cores.

One worker and all services share this machine. What the bare model leaves of it is all that
splitting and stitching can have for nothing: the codecs alone, with no service around them, put a
ceiling on the ratio, which is worked out from what they cost in the same run.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import simplejpeg

from benchmarks import model
from benchmarks.cost import RATE, hour_of_video
from benchmarks.model import STYLE
from benchmarks.operations import TALKATIVE
from benchmarks.processes import HERE, usage
from benchmarks.report import Goal, Report, Table, tell
from benchmarks.sample import CLIP, frames_in, frames_of, looped
from benchmarks.stages import floors
from benchmarks.watched import Run, watched
from services.console import azurite
from services.scorer.device import use_threads
from services.scorer.scorer import QUALITY
from shared import logs

LENGTHS = (20.0, 120.0)
WANTED = 0.85
BARE_SECONDS = 20.0


class Cost(NamedTuple):
    """Of one frame."""

    seconds: float
    cpu_seconds: float


def bare() -> Cost:
    """The network alone, on frames that are decoded already."""
    use_threads(0)
    painter = model.painter(model.network())
    frames = frames_of(CLIP)[:16]
    painter.paint(frames[0])
    began, before, painted = time.perf_counter(), usage()[HERE].cpu_seconds, 0
    while time.perf_counter() - began < BARE_SECONDS:
        painter.paint(frames[painted % len(frames)])
        painted += 1
    seconds, cpu = time.perf_counter() - began, usage()[HERE].cpu_seconds - before
    return Cost(seconds / painted, cpu / painted)


def codecs(folder: Path) -> float:
    """CPU seconds of a frame's decoding and encoding, as JPEG and as video, with nothing around."""
    jpegs = [simplejpeg.encode_jpeg(f, QUALITY, "RGB", "420") for f in frames_of(CLIP)]
    began = usage()[HERE].cpu_seconds
    floors.split()
    floors.stitch(jpegs, folder)()
    return (usage()[HERE].cpu_seconds - began) / len(jpegs)


def ceiling(model: Cost, codecs_cpu: float, cores: int) -> float:
    """Of the bare model's frames per second, when the cores do nothing but model and codecs."""
    return min(1.0, model.seconds * cores / (model.cpu_seconds + codecs_cpu))


def report() -> Report:
    with tempfile.TemporaryDirectory(prefix="impasto-bench-") as name:
        folder = Path(name)
        first, codecs_cpu = bare(), codecs(folder)
        runs = []
        for length in LENGTHS:
            clip = looped(CLIP, length, folder / f"{length:.0f}.mp4")
            with (
                patch.object(azurite, "FLAGS", TALKATIVE),
                watched(folder / f"stack-{length:.0f}") as stack,
            ):
                runs.append(stack.paint(clip, f"{STYLE}/a.mp4", frames_in(clip)))
        last = bare()
    alone = Cost(*(sum(pair) / 2 for pair in zip(first, last, strict=True)))
    best = ceiling(alone, codecs_cpu, os.cpu_count() or 1)
    return Report(
        [goal(run, alone) for run in runs],
        [
            f"720p, {STYLE}, one worker and all services on the same {os.cpu_count()} cores, from a"
            f" stack that has no worker yet. The bare model takes {alone.seconds * 1000:.0f} ms a"
            f" frame and {alone.cpu_seconds * 1000:.0f} ms of CPU ({first.seconds * 1000:.0f} ms"
            f" before the runs, {last.seconds * 1000:.0f} ms after). The codecs take another"
            f" {codecs_cpu * 1000:.0f} ms of CPU, with no service around them: that leaves"
            f" {best:.2f} of the bare model's frames/s, and nothing with the same codecs could"
            " reach more on these cores.",
            times(runs),
            "CPU time of each service, ms a frame, the start of the worker included:",
            costs(runs),
            f"An hour of such video ({RATE} frames/s), of the longer run and as many operations:",
            hour_of_video(runs[-1]),
        ],
    )


def goal(run: Run, model: Cost) -> Goal:
    speed, bare_speed = run.frames / run.seconds, 1 / model.seconds
    return Goal(
        f"frames/s from the drop to the output over the bare model's, {run.frames:,} frames",
        f"≥ {WANTED}",
        f"{speed / bare_speed:.2f} ({speed:.2f} over {bare_speed:.2f})",
        speed / bare_speed >= WANTED,
    )


def times(runs: list[Run]) -> Table:
    columns = ("frames", "drop to output", "drop to first scored chunk", "last one to output")
    rows = [
        (
            f"{run.frames:,}",
            f"{run.seconds:.1f} s",
            f"{run.to_first_chunk:.1f} s",
            f"{run.from_last_chunk:.1f} s",
        )
        for run in runs
    ]
    return Table(columns, rows)


def costs(runs: list[Run]) -> Table:
    services = sorted(runs[0].cpu_seconds, key=lambda name: -runs[0].cpu_seconds[name])
    rows = [
        (
            f"{run.frames:,}",
            *(f"{run.cpu_seconds[name] / run.frames * 1000:.1f}" for name in services),
        )
        for run in runs
    ]
    return Table(("frames", *services), rows)


if __name__ == "__main__":
    logs.configure("bench", "warning")
    tell(report())
