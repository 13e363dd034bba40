"""The scorer's part: scores the readings of a shard by each device's own model."""

from collections.abc import Sequence
from itertools import pairwise
from math import isnan
from typing import NamedTuple

import numpy as np
import torch

from shared.errors import Refused, Reject
from shared.scorer import Scorer, Threads
from shared.storage import Storage
from workloads.readings.columns import Columns
from workloads.readings.device_models import AnyModel, Chosen, DeviceModels
from workloads.readings.features import Features, Floats, compute
from workloads.readings.scored import WORST, Anomaly, Notes, Scored, few, some
from workloads.readings.settings import ReadingsSettings
from workloads.readings.shard import Shard
from workloads.readings.svm import OneClassSvm, Request, decide
from workloads.readings.training import MODEL, Trainer
from workloads.readings.windows import Window

#: A device that sent less than this share of its usual readings is named.
SPARSE = 0.5


class DeviceScore(NamedTuple):
    chosen: Chosen
    scores: Floats


class Device(NamedTuple):
    """A device that has a model, and its readings' scores."""

    name: str
    version: str
    model: AnyModel
    #: Where its readings are in the shard.
    rows: slice
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
    notes = Notes(devices=len(columns.devices), readings=len(columns.codes))
    scored: list[Device] = []
    with_model = np.zeros(len(found), bool)
    for n, (chosen, scores) in enumerate(found):
        if chosen.model is not None and chosen.entry is not None:
            version, rows = chosen.entry.version, slice(starts[n], starts[n + 1])
            scored.append(Device(columns.devices[n], version, chosen.model, rows, scores))
            notes.versions[version] = notes.versions.get(version, 0) + 1
            with_model[n] = True
            continue
        notes.without_model += 1
        notes.without_model_names.append(columns.devices[n])
        if chosen.why:
            notes.broken_models[columns.devices[n]] = chosen.why
    kept = with_model[columns.codes]
    sizes = [len(device.scores) for device in scored]
    codes = np.repeat(np.arange(len(scored), dtype=np.int32), sizes)
    own = Columns([each.name for each in scored], codes, columns.times[kept], columns.values[kept])
    scores = joined([device.scores for device in scored])
    anomalies = ~(scores >= np.array([device.model.threshold for device in scored])[codes])
    by_device = np.bincount(codes[anomalies], minlength=len(scored))
    notes.anomalies = int(by_device.sum())
    notes.devices_with_anomalies = int((by_device > 0).sum())
    notes.worst = worst(columns, [scored[n] for n in np.flatnonzero(by_device)])
    notes.sparse = few(sparse(shard.task.window, own, scored))
    notes.without_model_names = some(notes.without_model_names)
    notes.broken_models = few(notes.broken_models)
    return Scored(own, scores, anomalies, [device.version for device in scored], notes)


def sparse(window: Window, columns: Columns, scored: list[Device]) -> dict[str, float]:
    """The devices that sent less than `SPARSE` of what they used to, with that share."""
    in_window = columns.times >= window.start.timestamp() * 1e6
    sent = np.bincount(columns.codes[in_window], minlength=len(scored))
    usual = np.array([hourly(device.model) * window.hours for device in scored])
    few_sent = np.flatnonzero(sent < SPARSE * usual)
    return {scored[n].name: round(float(sent[n] / usual[n]), 3) for n in few_sent}


def hourly(model: AnyModel) -> float:
    return model.hourly if isinstance(model, OneClassSvm) else 0


def worst(columns: Columns, devices: list[Device]) -> list[Anomaly]:
    """The worst reading of each of the worst ten devices, which come in the order of names."""
    margins = [-margin(device.model, float(np.fmin.reduce(device.scores))) for device in devices]
    first = np.argsort(margins, kind="stable")[:WORST]
    return [worst_reading(columns, devices[n]) for n in first]


def worst_reading(columns: Columns, device: Device) -> Anomaly:
    scores = np.nan_to_num(device.scores, nan=np.inf)
    at = int(scores.argmin())
    score = float(np.nan_to_num(device.scores[at]))
    return Anomaly(
        device=device.name,
        time=int(columns.times[device.rows][at]),
        value=float(columns.values[device.rows][at]),
        score=score,
        margin=margin(device.model, score),
    )


def margin(model: AnyModel, score: float) -> float:
    """How far a score is below the threshold, as a share of how far it can be.

    A score that isn't a number counts as 0.
    """
    score = 0.0 if isnan(score) else score
    # The lowest score of a one-class SVM is that of a point far from all vectors.
    floor = model.intercept if isinstance(model, OneClassSvm) else model.threshold - 1
    return min(1.0, (model.threshold - score) / max(1e-12, model.threshold - floor))


def joined(parts: list[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.empty(0)


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
