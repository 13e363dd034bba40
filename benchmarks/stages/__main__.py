"""What each stage costs for a frame, beside the least that it could: `make bench`.

Every stage is run as its service runs it, on a real Azurite, in this one process; its floor is the
same codecs or the same network with nothing around them, in the same run. CPU time of the service
and its sandbox (not of Azurite) is counted, over the median of several rounds; look at the ratios.
"""

import statistics
from collections.abc import Callable
from typing import NamedTuple

from benchmarks import model
from benchmarks.model import STYLE
from benchmarks.own_storage import OwnStorage, own_storage
from benchmarks.processes import HERE, usage
from benchmarks.report import Report, Table, tell
from benchmarks.sample import CLIP
from benchmarks.stages import floors
from benchmarks.stages.one_job import OneJob
from services.scorer.catalog import shipped_models
from shared import logs
from shared.models import Models

ROUNDS = 3


class Row(NamedTuple):
    stage: str
    floor: float
    cost: float


def cpu(call: Callable[[], None]) -> float:
    """By this process and the sandboxes of its services."""
    began = usage()[HERE].cpu_seconds
    call()
    return usage()[HERE].cpu_seconds - began


def measure(own: OwnStorage) -> list[Row]:
    models = {each.name: each for each in shipped_models()}
    Models(own.storage).publish(models[STYLE])
    painter = model.painter(model.network())
    job = OneJob(own)
    spent: dict[str, list[tuple[float, float]]] = {"split": [], "score": [], "stitch": []}
    frames = 1
    for warm in range(ROUNDS + 1):
        job.drop()
        found = {"split": (cpu(floors.split), cpu(job.split))}
        sources = job.jpegs("frames")
        found["score"] = (cpu(floors.score(painter, sources)), cpu(job.score))
        painted = job.jpegs("scored")
        found["stitch"] = (cpu(floors.stitch(painted, own.folder)), cpu(job.stitch))
        frames = len(sources)
        if warm:  # the first round only warms up
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
    with own_storage() as own:
        rows = measure(own)
    cells = [
        (stage, f"{floor * 1000:.1f}", f"{cost * 1000:.1f}", f"{cost / floor:.2f}")
        for stage, floor, cost in rows
    ]
    columns = ("stage", "floor, CPU ms a frame", "stage, CPU ms a frame", "ratio")
    words = (
        "Each stage as its service runs it, beside the same codecs or network with nothing around"
        f" them: CPU time of the service, not of Azurite. {CLIP.name} at 720p, {STYLE}.",
        f"JPEG on the way, at quality 95, leaves {floors.jpeg_decibels(95, '420'):.1f} dB with"
        f" colour at a quarter, {floors.jpeg_decibels(95, '444'):.1f} dB with all of it.",
    )
    return Report(parts=[words[0], Table(columns, cells), words[1]])


if __name__ == "__main__":
    logs.configure("bench", "warning")
    tell(report())
