"""Publishes what a training made: bundles of models, each device's own model, and a report."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa

from shared.workload import Check, Made
from workloads.readings.bundles import bundle_of, read_report
from workloads.readings.model_listing import ModelListing, blob_of
from workloads.readings.windows import Task

#: Models that are written at the same time.
AT_ONCE = 16


def publish(
    task: Task, version: str, files: Iterator[Path], models: ModelListing, path: Path, check: Check
) -> Made:
    """Write all models under this version. Done again, it writes the same."""
    lines = path / "models.jsonl"
    count = bundles = 0
    skipped: dict[str, str] = {}
    sums: dict[str, float] = {}
    with lines.open("w") as out, ThreadPoolExecutor(AT_ONCE) as pool:
        for file in files:
            skipped |= read_report(file)
            with pa.OSFile(str(file)) as source, pa.ipc.open_stream(source) as stream:
                for batch in stream:
                    check()
                    if not batch.num_rows:
                        continue
                    name = f"bundles/{version}/{bundles:05}"
                    bundles += 1
                    models.blobs.write(name, bundle_of(batch))
                    rows = batch.select(["device", "model", "facts"]).to_pylist()
                    write = one_writer(models, task.training, version, name)
                    for _ in pool.map(write, rows):
                        check()
                    for row in rows:
                        facts = json.loads(row["facts"])
                        out.write(json.dumps({"device": row["device"]} | facts) + "\n")
                        for key, value in facts.items():
                            sums[key] = sums.get(key, 0.0) + value
                    count += len(rows)
    report: dict[str, Any] = {
        "window": task.window.name,
        "hours": task.window.hours,
        "kind": task.training,
        "version": version,
        "models": count,
        "without_model": len(skipped),
        "without_model_devices": skipped,
        "mean": {key: round(value / count, 6) for key, value in sums.items()},
    }
    summary = path / "report.json"
    summary.write_text(json.dumps(report, indent=1) + "\n")
    notes = [f"{count:,} models are published as version {version}"]
    if skipped:
        notes.append(f"{len(skipped):,} devices have too few readings for a model")
    return Made({f"{task.folder}.json": summary, f"{task.folder}.jsonl": lines}, notes)


def one_writer(models: ModelListing, kind: str, version: str, bundle: str) -> Any:  # noqa: ANN401
    def write(row: dict[str, Any]) -> None:
        models.publish(blob_of(row["device"]), kind, version, row["model"], bundle)

    return write
