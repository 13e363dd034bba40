"""One hour of many devices through a whole stack: what the time goes to, and how much memory."""

import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa

from benchmarks.readings.usual import trained_models
from services.console.stack import Stack
from shared import names
from shared.jobs import Jobs
from shared.storage import Storage
from workloads.readings.bundles import bundle_of
from workloads.readings.model_listing import ModelListing, blob_of
from workloads.readings.rounds import Rounds
from workloads.readings.simulation import simulate_into
from workloads.readings.simulator import Simulator
from workloads.readings.windows import ONE_CLASS_SVM, Task, Window

HOUR = Window.of("2026-06-02T12")
#: Devices that models are trained for; their models are copied to all names.
TRAINED = 20
IN_BUNDLE = 1000


def publish_models(storage: Storage, devices: int, every: float) -> None:
    models = trained_models(Simulator(TRAINED, every), HOUR, hours=6)
    data = [model.save() for model in models]
    listing = ModelListing(storage)
    all_names = Simulator(devices, every).names
    with ThreadPoolExecutor(16) as pool:
        for first in range(0, devices, IN_BUNDLE):
            some = all_names[first : first + IN_BUNDLE]
            chosen = [data[(first + n) % TRAINED] for n in range(len(some))]
            bundle = f"bundles/copied/{first:07}"
            rows = {"device": some, "model": pa.array(chosen, pa.binary())}
            listing.blobs.write(bundle, bundle_of(pa.RecordBatch.from_pydict(rows)))
            for each in [
                pool.submit(listing.publish, blob_of(name), ONE_CLASS_SVM, "copied", model, bundle)
                for name, model in zip(some, chosen, strict=True)
            ]:
                each.result()


def whole_round(devices: int, every: float) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="impasto-bench-") as folder,
        Stack(Path(folder) / "stack", nodes=1) as stack,
    ):
        began = time.monotonic()
        made = simulate_into(stack.storage, HOUR, devices, every, 0, Path(folder) / "labels.jsonl")
        simulated = time.monotonic() - began
        publish_models(stack.storage, devices, every)
        published = time.monotonic() - began - simulated
        rounds = Rounds(stack.storage)
        began = time.monotonic()
        job = rounds.announce(Task(HOUR), again=False)
        peaks: dict[str, float] = {}
        jobs = Jobs(stack.storage)
        while jobs.outcome(job) is None:
            sample(stack, peaks)
            time.sleep(1)
        seconds = time.monotonic() - began
        found = {
            "devices": devices,
            "readings": made.readings,
            "bytes": sum(b.size for b in stack.storage.container("readings").under()),
            "simulated": simulated,
            "published": published,
            "seconds": seconds,
            "outcome": jobs.outcome(job).model_dump(mode="json"),  # type: ignore[union-attr]
            "peaks_mib": peaks,
        }
        return found | stages(jobs, job)


def stages(jobs: Jobs, job: str) -> dict[str, Any]:
    """When each stage ended, by the records' times; and the scorer's own stages."""

    def at(name: str) -> datetime:
        found = jobs.records.find(name)
        assert found
        return found.modified

    arrived, planned = at(names.arrival_record(job)), at(names.job_record(job))
    split = at(names.segment_record(job, 0))
    chunks = jobs.records.under(names.chunk_records(job))
    scored, ended = max(c.modified for c in chunks), at(names.outcome_record(job))
    by_stage: dict[str, float] = {}
    for chunk in chunks:
        times = json.loads(jobs.records.read(chunk.name))["times"]
        for key in ("seconds_by_stage", "seconds_beside"):
            for name, seconds in times[key].items():
                by_stage[name] = by_stage.get(name, 0.0) + seconds
    return {
        "plan": (planned - arrived).total_seconds(),
        "split": (split - planned).total_seconds(),
        "score": (scored - split).total_seconds(),
        "stitch": (ended - scored).total_seconds(),
        "chunks": len(chunks),
        "scorer": by_stage,
    }


def sample(stack: Stack, peaks: dict[str, float]) -> None:
    """Note the most memory of each process of the stack so far, its children apart."""
    for name, pid in stack.pids().items():
        try:
            processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
            for process in processes:
                command = " ".join(process.cmdline())
                kind = (
                    "scorer"
                    if "services.scorer" in command
                    else f"{name}'s sandbox"
                    if "sandbox" in command
                    else name
                )
                peak = process.memory_info().rss / 2**20
                peaks[kind] = round(max(peaks.get(kind, 0.0), peak))
        except psutil.NoSuchProcess:
            continue


if __name__ == "__main__":
    import sys

    print(json.dumps(whole_round(int(sys.argv[1]), float(sys.argv[2])), indent=1))
