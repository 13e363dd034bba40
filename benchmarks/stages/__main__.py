"""Compares the CPU time of each stage with its floor, the codecs or the network alone.

Each stage runs in this process as in its service, with a real Azurite, and its floor in the same
run. The CPU time includes the service's sandbox but not Azurite, and is the median of several
rounds. Compare the ratios, because the times depend on the machine.
"""

import statistics
from collections.abc import Callable
from typing import NamedTuple

from benchmarks import model
from benchmarks.model import STYLE
from benchmarks.report import Report, Table, show
from benchmarks.sample_clip import CLIP
from benchmarks.service_usage import usage
from benchmarks.stages import floors
from benchmarks.stages.one_job import OneJob
from benchmarks.temporary_storage import TemporaryStorage, temporary_storage
from shared import logs
from shared.models import Models
from workloads.video.scoring.catalog import shipped_models

ROUNDS = 3


class Row(NamedTuple):
    stage: str
    floor: float
    cost: float


def cpu(call: Callable[[], None]) -> float:
    """The CPU seconds of this process and the sandboxes, which count as their services."""
    began = spent()
    call()
    return spent() - began


def spent() -> float:
    return sum(used.cpu_seconds for service, used in usage().items() if service != "azurite")


def measure(own: TemporaryStorage) -> list[Row]:
    models = {each.name: each for each in shipped_models()}
    Models(own.storage).publish(models[STYLE])
    painter = model.painter(model.network())
    job = OneJob(own)
    spent: dict[str, list[tuple[float, float]]] = {"split": [], "score": [], "stitch": []}
    frames = 1
    for warm in range(ROUNDS + 1):
        job.drop()
        found = {"split": (cpu(floors.split), cpu(job.split))}
        sources = job.jpegs("shards")
        found["score"] = (cpu(floors.score(painter, sources)), cpu(job.score))
        painted = job.jpegs("scored")
        found["stitch"] = (cpu(floors.stitch(painted, own.folder)), cpu(job.stitch))
        frames = len(sources)
        if warm:  # don't count the first round
            for stage, pair in found.items():
                spent[stage].append(pair)
    job.close()
    return [
        Row(
            stage,
            statistics.median(floor for floor, _ in pairs) / frames,
            statistics.median(cost for _, cost in pairs) / frames,
        )
        for stage, pairs in spent.items()
    ]


def report() -> Report:
    with temporary_storage() as own:
        rows = measure(own)
    cells = [
        (stage, f"{floor * 1000:.1f}", f"{cost * 1000:.1f}", f"{cost / floor:.2f}")
        for stage, floor, cost in rows
    ]
    columns = ("stage", "floor, CPU ms a frame", "stage, CPU ms a frame", "ratio")
    words = (
        "Each stage as its service runs it, and its floor, the same codecs or network alone: CPU"
        f" time without Azurite's. {CLIP.name} at 720p, {STYLE}.",
        "The JPEGs between the stages, at quality 95, have a PSNR of"
        f" {floors.jpeg_decibels(95, '420'):.1f} dB with 4:2:0 chroma subsampling and"
        f" {floors.jpeg_decibels(95, '444'):.1f} dB without.",
    )
    return Report(parts=[words[0], Table(columns, cells), words[1]])


if __name__ == "__main__":
    logs.configure("bench", "warning")
    show(report())
