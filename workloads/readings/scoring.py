"""The scorer's part: scores the readings of a shard by each device's own model."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch

from shared.errors import Refused, Reject
from shared.scorer import Scorer, Threads
from shared.storage import Storage
from workloads.readings.columns import Columns
from workloads.readings.device_models import AnyModel, Chosen, DeviceModels
from workloads.readings.features import Features, Floats, compute
from workloads.readings.scored import Anomaly, Notes, Scored, few, some, worst_of
from workloads.readings.settings import ReadingsSettings
from workloads.readings.shard import Shard
from workloads.readings.svm import OneClassSvm, Request, decide
from workloads.readings.training import MODEL, Trainer

#: A device that sent less than this share of its usual readings is named.
SPARSE = 0.5


class DeviceScore(NamedTuple):
    chosen: Chosen
    scores: Floats


class RoundScorer:
    """Scores shards of readings. `models` gives each device its model."""

    batch = 1
    threads: Threads | None = None

    def __init__(self, models: DeviceModels) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self._models = models

    def decode(self, data: bytes) -> Shard:
        return Shard.decode(data)

    def score(self, values: Sequence[Shard]) -> list[Scored]:
        return [self._score(shard) for shard in values]

    def encode(self, value: Scored) -> bytes:
        return value.encode()

    def count(self, value: Scored) -> int:
        return value.notes.devices

    def report(self) -> dict[str, float | str]:
        return {}

    def _score(self, shard: Shard) -> Scored:
        columns = shard.columns
        chosen = self._models.choose(columns.devices)
        starts = np.searchsorted(columns.codes, np.arange(len(columns.devices) + 1))
        found = self._decide(columns, starts, [chosen[device] for device in columns.devices])
        return assembled(shard, starts, found)

    def _decide(
        self, columns: Columns, starts: np.ndarray, chosen: list[Chosen]
    ) -> list[DeviceScore]:
        rows = features_of(columns, starts, chosen)
        found = [DeviceScore(each, np.empty(0)) for each in chosen]
        together = [n for n, each in enumerate(chosen) if isinstance(each.model, OneClassSvm)]
        requests = [Request(model, rows[n]) for n in together if (model := svm_of(chosen[n]))]
        for n, scores in zip(together, decide(requests, self.device), strict=True):
            found[n] = DeviceScore(chosen[n], scores)
        for n, each in enumerate(chosen):
            if each.model is None or isinstance(each.model, OneClassSvm):
                continue
            try:
                found[n] = DeviceScore(each, each.model.score(rows[n]))
            except Refused as error:
                found[n] = DeviceScore(Chosen(each.entry, None, str(error)), np.empty(0))
        return found


def svm_of(chosen: Chosen) -> OneClassSvm | None:
    return chosen.model if isinstance(chosen.model, OneClassSvm) else None


def features_of(columns: Columns, starts: np.ndarray, chosen: list[Chosen]) -> list[Floats]:
    """Each device's rows; of all devices with the same features at once."""
    rows: list[Floats] = [np.empty((0, 0))] * len(chosen)
    by_features: dict[Features, list[int]] = {}
    for n, each in enumerate(chosen):
        if each.model:
            by_features.setdefault(each.model.features, []).append(n)
    for features, numbers in by_features.items():
        if len(numbers) == len(chosen):
            some_columns, own = columns, starts
        else:
            picked = np.concatenate([np.arange(starts[n], starts[n + 1]) for n in numbers])
            some_columns = Columns(columns.devices, *(c[picked] for c in columns[1:]))
            own = np.concatenate([[0], np.cumsum([starts[n + 1] - starts[n] for n in numbers])])
        made = compute(features, some_columns)
        for n, (first, stop) in zip(numbers, pairwise(own), strict=True):
            rows[n] = made[first:stop]
    return rows


def assembled(shard: Shard, starts: np.ndarray, found: list[DeviceScore]) -> Scored:
    """The predictions of devices with a model, and notes on all devices."""
    columns = shard.columns
    devices: list[str] = []
    versions: list[str] = []
    picked: list[np.ndarray] = []
    anomalies: list[np.ndarray] = []
    notes = Notes(devices=len(columns.devices), readings=len(columns.codes))
    worst: list[Anomaly] = []
    for n, (chosen, scores) in enumerate(found):
        name, model = columns.devices[n], chosen.model
        if model is None or chosen.entry is None:
            notes.without_model += 1
            notes.without_model_names.append(name)
            if chosen.why:
                notes.broken_models[name] = chosen.why
            continue
        rows = slice(starts[n], starts[n + 1])
        below = ~(scores >= model.threshold)
        devices.append(name)
        versions.append(chosen.entry.version)
        picked.append(np.arange(rows.start, rows.stop))
        anomalies.append(below)
        notes.versions[chosen.entry.version] = notes.versions.get(chosen.entry.version, 0) + 1
        if below.any():
            notes.anomalies += int(below.sum())
            notes.devices_with_anomalies += 1
            worst.append(worst_reading(name, columns, rows, scores, model))
        if isinstance(model, OneClassSvm) and model.hourly:
            in_window = columns.times[rows] >= shard.task.window.start.timestamp() * 1e6
            share = in_window.sum() / (model.hourly * shard.task.window.hours)
            if share < SPARSE:
                notes.sparse[name] = round(float(share), 3)
    notes.worst = worst_of(worst)
    notes.without_model_names = some(notes.without_model_names)
    notes.broken_models, notes.sparse = few(notes.broken_models), few(notes.sparse)
    scored = [each.scores for each in found if each.chosen.model is not None]
    rows_kept = joined(picked, np.int64)
    codes = np.repeat(np.arange(len(devices), dtype=np.int32), [len(each) for each in picked])
    kept = Columns(devices, codes, columns.times[rows_kept], columns.values[rows_kept])
    return Scored(kept, joined(scored, np.float64), joined(anomalies, np.bool_), versions, notes)


def worst_reading(
    name: str, columns: Columns, rows: slice, scores: Floats, model: AnyModel
) -> Anomaly:
    lowest = int(np.nanargmin(scores)) if not np.isnan(scores).all() else 0
    score, threshold = float(np.nan_to_num(scores[lowest])), model.threshold
    # The lowest score of a one-class SVM is that of a point far from all vectors.
    floor = model.intercept if isinstance(model, OneClassSvm) else threshold - 1
    return Anomaly(
        device=name,
        time=int(columns.times[rows][lowest]),
        value=float(columns.values[rows][lowest]),
        score=score,
        margin=min(1.0, (threshold - score) / max(1e-12, threshold - floor)),
    )


def joined(parts: list[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate(parts) if parts else np.empty(0, kind)


class ReadingsScoring:
    def __init__(self, storage: Storage, settings: ReadingsSettings | None = None) -> None:
        settings = settings or ReadingsSettings()
        self._round = RoundScorer(DeviceModels(storage, settings))
        self._trainer = Trainer()

    def scorer(self, model: str) -> Scorer[Shard | Scored]:
        """Raise Reject if the model is neither `devices` nor a training."""
        if model == "devices":
            return self._round  # type: ignore[return-value]
        if model == MODEL:
            return self._trainer  # type: ignore[return-value]
        raise Reject(f"{model!r} is no model of readings")
