"""Training: fits a one-class SVM for each device of a shard, and tests it on hours held out.

Of five hours, three are learnt from, one sets the threshold, and one measures false alarms.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from shared.errors import Refused
from shared.scorer import Threads
from workloads.readings.bundles import REPORT
from workloads.readings.columns import Columns
from workloads.readings.features import HOUR, Features, Floats, compute
from workloads.readings.scored import few
from workloads.readings.shard import Shard, encoded
from workloads.readings.svm import OneClassSvm, Request, decide
from workloads.readings.windows import ONE_CLASS_SVM

#: How a job's model is called that trains such models.
MODEL = f"train/{ONE_CLASS_SVM}"
#: The share of what is learnt from that may be outside, which bounds support vectors from below.
NU = 0.02
#: Readings that are learnt from, spread evenly, and support vectors at most.
MOST_ROWS = 800
MOST_VECTORS = 48
#: Fewer readings make no model.
FEWEST_ROWS = 50
#: The share of readings of the hours held out that may be below the threshold.
FALSE_ALARMS = 0.001
#: The share of the hours that set the threshold which are left out, as they may have anomalies.
UNSOUND = 0.1
#: The threshold is at least this share of the way from the lowest possible score to 0.
LOWEST = 0.02
#: And it is this share of the way from what was found in those hours to the lowest score, since the
#: lowest of a few hours isn't that of all hours.
SLACK = 0.25
FIT, THRESHOLD, TEST = range(3)
#: What each hour is for, in turn.
TURNS = (FIT, THRESHOLD, FIT, TEST, FIT)


class Trained(NamedTuple):
    """A bundle: models by device; `skipped` says why a device has none."""

    models: dict[str, OneClassSvm]
    skipped: dict[str, str]

    @property
    def nbytes(self) -> int:
        return sum(model.nbytes for model in self.models.values())

    def encode(self) -> bytes:
        facts = [json.dumps(model.facts) for model in self.models.values()]
        data = [model.save() for model in self.models.values()]
        table = pa.table(
            {
                "device": pa.array(list(self.models), pa.string()),
                "model": pa.array(data, pa.binary()),
                "facts": pa.array(facts, pa.string()),
            }
        )
        return encoded(table.replace_schema_metadata({REPORT: json.dumps(few(self.skipped))}))


class Trainer:
    """A scorer whose result of a shard is its devices' models."""

    device = "cpu"
    batch = 1
    threads: Threads | None = None

    def decode(self, data: bytes) -> Shard:
        return Shard.decode(data)

    def score(self, values: Sequence[Shard]) -> list[Trained]:
        return [train(shard.columns) for shard in values]

    def encode(self, value: Trained) -> bytes:
        return value.encode()

    def count(self, value: Trained) -> int:
        return len(value.models) + len(value.skipped)

    def report(self) -> dict[str, float | str]:
        return {}


def train(columns: Columns, features: Features | None = None) -> Trained:
    features = features or Features()
    rows = compute(features, columns)
    starts = np.searchsorted(columns.codes, np.arange(len(columns.devices) + 1))
    models: dict[str, OneClassSvm] = {}
    skipped: dict[str, str] = {}
    for n, device in enumerate(columns.devices):
        own = slice(starts[n], starts[n + 1])
        try:
            models[device] = fit(features, rows[own], columns.times[own])
        except Refused as error:
            skipped[device] = str(error)
    return Trained(models, skipped)


def fit(features: Features, rows: Floats, times: np.ndarray) -> OneClassSvm:
    """Raise Refused if there are too few readings."""
    from sklearn.svm import OneClassSVM

    hours, numbers = np.unique(times // HOUR, return_inverse=True)
    # By the hour's place among the hours there are, so that gaps leave no part empty.
    turns = np.array(TURNS)[numbers % len(TURNS)]
    learnt = rows[turns == FIT]
    if len(learnt) < FEWEST_ROWS or len(hours) < len(TURNS):
        raise Refused(
            f"{len(learnt)} readings to learn from, in {len(hours)} hours, are too few: there must "
            f"be {FEWEST_ROWS}, in {len(TURNS)} hours"
        )
    learnt = spread(learnt, MOST_ROWS)
    mean, scale = learnt.mean(axis=0), learnt.std(axis=0)
    scale = np.where(scale > 1e-9 * np.maximum(1, np.abs(mean)), scale, 1.0)
    gamma = 1 / features.width
    while True:
        fitted = OneClassSVM(kernel="rbf", gamma=gamma, nu=NU).fit((learnt - mean) / scale)
        if len(fitted.support_vectors_) <= MOST_VECTORS or len(learnt) <= MOST_VECTORS:
            break
        learnt = spread(learnt, len(learnt) // 2)
    model = OneClassSvm(
        features,
        mean,
        scale,
        np.ascontiguousarray(fitted.support_vectors_),
        fitted.dual_coef_[0].copy(),
        gamma,
        float(fitted.intercept_[0]),
        0.0,
        len(rows) / len(hours),
        {},
    )
    held_out, tested = turns == THRESHOLD, turns == TEST
    setting, testing = decide([Request(model, rows[held_out]), Request(model, rows[tested])])
    sound = without_worst_hours(setting, numbers[held_out])
    return with_threshold(model, sound, testing, len(learnt))


def without_worst_hours(scores: Floats, hours: np.ndarray) -> Floats:
    """The scores of all hours but those that may have had anomalies."""
    found, numbers = np.unique(hours, return_inverse=True)
    lowest = np.full(len(found), np.inf)
    np.minimum.at(lowest, numbers, scores)
    worst = np.argsort(lowest, kind="stable")[: int(np.ceil(len(found) * UNSOUND))]
    return scores[~np.isin(numbers, worst)] if len(found) > len(worst) else scores


def with_threshold(
    model: OneClassSvm, setting: Floats, testing: Floats, learnt: int
) -> OneClassSvm:
    # Far from all vectors the sum of kernels is 0: this is the lowest score there is.
    floor = model.intercept * (1 - LOWEST)
    chosen = float(np.quantile(setting, FALSE_ALARMS)) if len(setting) else 0.0
    threshold = min(0.0, max(chosen + SLACK * (floor - chosen), floor))
    facts = {
        "readings": float(learnt),
        "vectors": float(len(model.vectors)),
        "held_out": float(len(setting) + len(testing)),
        "outside": round(float((testing < 0).mean()), 6) if len(testing) else 0.0,
        "false_alarms": round(float((testing < threshold).mean()), 6) if len(testing) else 0.0,
    }
    return model._replace(threshold=threshold, facts=facts)


def spread(rows: Floats, most: int) -> Floats:
    """At most so many rows, evenly spread."""
    if len(rows) <= most:
        return rows
    chosen: Floats = rows[np.linspace(0, len(rows) - 1, most).astype(int)]
    return chosen
