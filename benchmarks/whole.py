"""Compares a whole run, from the drop of a video to its output, with the bare model's speed.

One worker and all services share this machine. Decoding and encoding need CPU time too, so even
without any service the run can't reach the model's speed. That ceiling is computed from the cost of
the codecs in the same run.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import simplejpeg

from benchmarks import model
from benchmarks.cost import RATE, hour_of_video
from benchmarks.measured_stack import Run, measured_stack
from benchmarks.model import CONCURRENTLY, IN_A_LOOP, STYLE
from benchmarks.report import Goal, Report, Table, show
from benchmarks.sample_clip import CLIP, frames_in, frames_of, looped
from benchmarks.service_usage import HERE, usage
from benchmarks.stages import floors
from benchmarks.storage_requests import LOGGING_FLAGS
from services.console import azurite
from shared import logs
from workloads.video.scoring.picture_scorer import QUALITY

LENGTHS = (20.0, 120.0)
LEAST_RATIO = 0.85
BARE_SECONDS = 10.0


class Bare(NamedTuple):
    """The seconds that the network alone needs for a decoded frame."""

    in_a_loop: float
    concurrently: float
    #: CPU time, concurrently.
    cpu: float


def bare() -> Bare:
    network = model.network()
    painter, frames = model.painter(network), frames_of(CLIP)[:16]
    loop, _cpu = cost(lambda: model.in_a_loop(painter, frames), len(frames))
    best, cpu = cost(lambda: model.concurrently(painter, frames), len(frames))
    return Bare(loop, best, cpu)


def cost(paint: Callable[[], object], frames: int) -> tuple[float, float]:
    """Seconds and CPU seconds of a frame."""
    paint()
    began, before, painted = time.perf_counter(), usage()[HERE].cpu_seconds, 0
    while time.perf_counter() - began < BARE_SECONDS:
        paint()
        painted += frames
    seconds, cpu = time.perf_counter() - began, usage()[HERE].cpu_seconds - before
    return seconds / painted, cpu / painted


def codecs(folder: Path) -> float:
    """CPU seconds of decoding and encoding a frame, as JPEG and as video, without any service."""
    jpegs = [simplejpeg.encode_jpeg(f, QUALITY, "RGB", "420") for f in frames_of(CLIP)]
    began = usage()[HERE].cpu_seconds
    floors.split()
    floors.stitch(jpegs, folder)()
    return (usage()[HERE].cpu_seconds - began) / len(jpegs)


def ceiling(alone: Bare, codecs_cpu: float, cores: int) -> float:
    """Frames per second if the cores run only the model and the codecs."""
    return min(1 / alone.concurrently, cores / (alone.cpu + codecs_cpu))


def report() -> Report:
    with tempfile.TemporaryDirectory(prefix="impasto-bench-") as name:
        folder = Path(name)
        first, codecs_cpu = bare(), codecs(folder)
        runs = []
        for length in LENGTHS:
            clip = looped(CLIP, length, folder / f"{length:.0f}.mp4")
            with (
                patch.object(azurite, "FLAGS", LOGGING_FLAGS),
                measured_stack(folder / f"stack-{length:.0f}") as stack,
            ):
                runs.append(stack.paint(clip, f"{STYLE}/a.mp4", frames_in(clip)))
        last = bare()
    alone = Bare(*(sum(pair) / 2 for pair in zip(first, last, strict=True)))
    best = ceiling(alone, codecs_cpu, os.cpu_count() or 1)
    return Report(
        [goal for run in runs for goal in goals(run, alone)],
        [
            f"720p, {STYLE}, one worker and all services on the same {os.cpu_count()} cores. The"
            " stack starts without a worker.",
            f"The bare model takes {said(alone)}: {said(first)} before the runs, {said(last)}"
            f" after. The codecs alone take another {codecs_cpu * 1000:.0f} ms of CPU. With the"
            f" same codecs, these cores can't exceed {best:.2f} frames/s,"
            f" {best * alone.in_a_loop:.2f} of the model's speed {IN_A_LOOP} and"
            f" {best * alone.concurrently:.2f} of its speed with {CONCURRENTLY}.",
            times(runs),
            "CPU time of each service in ms a frame, including the worker's start:",
            costs(runs),
            f"An hour of video at {RATE} frames/s, at the longer run's speed and operations:",
            hour_of_video(runs[-1]),
        ],
    )


def said(alone: Bare) -> str:
    return (
        f"{alone.in_a_loop * 1000:.0f} ms a frame {IN_A_LOOP}, {alone.concurrently * 1000:.0f} ms"
        f" ({alone.cpu * 1000:.0f} ms of CPU) with {CONCURRENTLY}"
    )


def goals(run: Run, alone: Bare) -> list[Goal]:
    speed = run.frames / run.seconds
    return [
        Goal(
            f"frames/s from the drop to the output over the bare model's, {how},"
            f" {run.frames:,} frames",
            f"≥ {LEAST_RATIO}",
            f"{speed * seconds:.2f} ({speed:.2f} over {1 / seconds:.2f})",
            speed * seconds >= LEAST_RATIO,
        )
        for how, seconds in ((IN_A_LOOP, alone.in_a_loop), (CONCURRENTLY, alone.concurrently))
    ]


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
    show(report())
