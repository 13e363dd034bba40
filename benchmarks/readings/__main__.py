"""`python -m benchmarks.readings`: writes benchmarks/readings.md."""

import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.machine import machine
from benchmarks.readings import usual
from benchmarks.readings.ours import FILES, Cost, bundle_for, score_hour
from benchmarks.report import Table, table_lines
from workloads.readings.features import compute
from workloads.readings.simulator import KINDS, Simulator
from workloads.readings.svm import Request, decide
from workloads.readings.training import train
from workloads.readings.windows import Window

PAGE = Path(__file__).parents[1] / "readings.md"
HOUR = Window.of("2026-06-02T12")
#: Devices that models are trained for; each model is used for many devices.
TRAINED = 20
HEAD = """# A model for each device

`python -m benchmarks.readings` wrote this page in one run on this machine. Don't edit it.

All times are processor time, because other work shared the cores: a loop over all cores needs as
much of it as a loop on one, and what starting joblib's processes takes isn't counted. Each way
starts from files on the disk and ends with files on the disk; storage, messages and the sandbox
aren't counted. Our way reads the Avro files of Event Hubs Capture, whose events are JSON, or the
CSV file of all devices that Stream Analytics writes; it groups, loads the models from a bundle,
computes features, scores, and writes Parquet and CSV, in one thread. The usual way has a CSV file
for each device: it unpickles a scikit-learn pipeline, reads the file with pandas, computes four
features by pandas' rolling windows, predicts, and writes a CSV.
"""


def ours(kind: str, devices: int, every: float) -> Cost:
    simulator = Simulator(devices, every)
    models = usual.trained_models(Simulator(TRAINED, every), HOUR, hours=6)
    bundle = bundle_for(simulator.names, models)
    files = FILES[kind](simulator, HOUR)
    score_hour(kind, files[:1], simulator.names, bundle, HOUR)  # imports
    return min((score_hour(kind, files, simulator.names, bundle, HOUR) for _ in range(3)), key=sum)


def ratios() -> Table:
    rows = []
    for every, many, few in ((60.0, 2000, 200), (1.0, 200, 40)):
        costs = [ours(kind, many, every).total / many for kind in FILES]
        with tempfile.TemporaryDirectory(prefix="impasto-bench-") as scratch:
            folder = Path(scratch)
            usual.write_usual(folder, Simulator(few, every), HOUR)
            found = {
                "one process": usual.loop(folder, few),
                "a process a device": usual.process_each(folder, min(few, 8)),
                "joblib's loop over all cores": usual.parallel_loop(folder, few),
            }
        what = "a minute" if every > 1 else "a second"
        for way, seconds in found.items():
            cells = (f"{cost * 1e3:.2f} ms ({seconds / cost:,.1f}×)" for cost in costs)
            rows.append((f"a reading {what}: {way}", f"{seconds * 1e3:,.2f} ms", *cells))
    return Table(("way", "usual, a device", "ours, from Avro", "ours, from CSV"), rows)


def by_size() -> Table:
    rows = []
    for devices in (100, 1000, 10_000):
        cost = ours("avro", devices, 60.0)
        rows.append(
            (f"{devices:,}", *(f"{part / devices * 1e6:.0f}" for part in (*cost, cost.total)))
        )
    return Table(
        ("devices", "read µs", "group µs", "models µs", "score µs", "write µs", "sum µs"), rows
    )


def quality() -> Table:
    simulator = Simulator(100)
    before = Window(HOUR.before(72).start, 72)
    learnt = usual.columns_of(simulator, before)
    models = train(learnt).models
    columns, labels, kinds = usual.labelled(simulator, Window(HOUR.start, 6), 0.1)
    starts = np.searchsorted(columns.codes, np.arange(len(simulator.names) + 1))
    rows = compute(models[simulator.names[0]].features, columns)
    scores = decide(
        [
            Request(models[name], rows[starts[n] : starts[n + 1]])
            for n, name in enumerate(simulator.names)
        ]
    )
    ours_ = np.concatenate(
        [s < models[name].threshold for s, name in zip(scores, simulator.names, strict=True)]
    )
    of = [learnt.values[learnt.codes == n] for n in range(len(simulator.names))]
    mean, std = np.array([v.mean() for v in of]), np.array([v.std() for v in of])
    z = np.abs(columns.values - mean[columns.codes]) / std[columns.codes]
    ways = {"one-class SVM": ours_, "z-score over 3": z > 3, "z-score over 2": z > 2}
    lines = []
    for name, found in ways.items():
        recalls = [
            (found & labels & (kinds == k)).sum() / (labels & (kinds == k)).sum() for k in (1, 2, 3)
        ]
        precision = (found & labels).sum() / max(1, found.sum())
        quiet = (found & (kinds == 0)).sum() / (kinds == 0).sum()
        recall = (found & labels).sum() / labels.sum()
        lines.append(
            (name, *(f"{100 * share:.1f} %" for share in (precision, recall, *recalls, quiet)))
        )
    return Table(
        ("", "precision", "recall", *(f"of {kind}" for kind in KINDS[:3]), "false alarms"), lines
    )


def main() -> None:
    torch.set_num_threads(1)
    parts = [
        ("Beside the usual ways", "", ratios),
        (
            "From few devices to many",
            "Of each device with a reading a minute, for an hour. Each of 20 trained models is "
            "used for many devices.",
            by_size,
        ),
        (
            "What is found",
            "By reading, on the simulator's labels: 100 devices, trained on 72 hours of which 2 % "
            "have an anomaly, scored on six hours of which 10 % have one. A drift's first readings "
            "count as missed. Readings just after a spike count as false, as their neighbours "
            "include it; the last column is of hours without an anomaly.",
            quality,
        ),
    ]
    lines = [HEAD, *table_lines(machine()), ""]
    for title, text, part in parts:
        began = time.monotonic()
        table = part()
        lines += [f"## {title}", "", *([text, ""] if text else []), *table_lines(table), ""]
        print(title, f"{time.monotonic() - began:.0f} s", *table_lines(table), sep="\n")
    PAGE.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
