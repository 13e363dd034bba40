"""Models are trained from readings, and score rounds: the parts, called one after another."""

import io
import json
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from shared import names
from shared.shards import Item, unpack
from shared.storage import Storage
from tests.support.azurite import Azurite
from tests.support.rounds import HOUR, SplitRound, body, put_capture, reading, settings_of
from workloads.readings.capture import capture_path, captured
from workloads.readings.device_models import DeviceModels
from workloads.readings.features import Features, compute
from workloads.readings.model_listing import blob_of
from workloads.readings.scoring import ReadingsScoring
from workloads.readings.settings import ReadingsSettings
from workloads.readings.simulator import Simulator, events_of, hours_before
from workloads.readings.stitching import ReadingsStitching
from workloads.readings.summary import Summary

DEVICES = 12
TRAINED = "train/one-class-svm/2026-11-20T13/20"


def simulate(storage: Storage, hours: list[datetime], anomalies: float = 0.0) -> Simulator:
    simulator = Simulator(DEVICES)
    files = storage.container("readings")
    for start in hours:
        bodies = [
            event
            for _, events in events_of(simulator, simulator.hour(start, anomalies))
            for event in events
        ]
        files.write(capture_path("ns/hub", 0, start), captured(bodies, start))
    return simulator


class Outputs:
    """What the scorer and the stitcher made of a job."""

    def __init__(self, storage: Storage, settings: ReadingsSettings, blob: str, path: Path) -> None:
        done = SplitRound(storage, settings, blob)
        scorer = ReadingsScoring(storage, settings).scorer(done.job.model)
        stitching = ReadingsStitching(storage, settings)
        self.scored: list[bytes] = []
        for segment, shards in zip(done.segments, done.shards, strict=True):
            made = []
            for shard in shards.values():
                for item in unpack(shard):
                    [value] = scorer.score([scorer.decode(item.data)])
                    assert 0 < scorer.count(value) <= segment.items
                    made.append(Item(item.name, scorer.encode(value)))
            joined = path / "joined"
            joined.touch()
            if segment.items:
                stitching.join(done.job, segment, iter(made), joined)
            with joined.open("rb") as file:
                segments = storage.container("segments")
                segments.write(names.segment_blob(done.job.job, segment.segment), file)
            joined.unlink()
            self.scored += [item.data for item in made]
        sizes = [0] * len(done.segments)
        self.made = stitching.finish(done.job, done.segments, sizes, path, lambda: None)

    def data(self, suffix: str) -> bytes:
        [path] = [p for name, p in self.made.files.items() if name.endswith(suffix)]
        return path.read_bytes()

    @property
    def summary(self) -> Summary:
        return Summary.model_validate_json(self.data("14.json"))

    def rows(self) -> dict[str, list[dict[str, object]]]:
        found: dict[str, list[dict[str, object]]] = {}
        for row in pq.read_table(io.BytesIO(self.data(".parquet"))).to_pylist():
            found.setdefault(row["device"], []).append(row)
        return found


@contextmanager
def outputs(
    storage: Storage, azurite: Azurite, path: Path, blob: str = "2026-11-20T14", **changes: object
) -> Iterator[Outputs]:
    folder = path / blob.replace("/", "-")
    folder.mkdir()
    yield Outputs(storage, settings_of(azurite, **changes), blob, folder)


def test_trained_models_find_what_is_wrong_and_nothing_is_left_out(
    azurite: Azurite, storage: Storage, tmp_path: Path
) -> None:
    simulator = simulate(storage, hours_before(HOUR, 20))
    with outputs(storage, azurite, tmp_path, TRAINED) as trained:
        report = json.loads(trained.data("20.json"))
        assert report["models"] == DEVICES
        assert report["without_model"] == 0
        assert report["mean"]["false_alarms"] < 0.05
        assert len(trained.data(".jsonl").splitlines()) == DEVICES
    listed = storage.container("models").under("devices/")
    assert {blob.name for blob in listed} == {blob_of(name) for name in simulator.names}
    assert {blob.metadata["version"] for blob in listed} == {"readings-test"}

    hour = simulator.hour(HOUR, 0)
    events = [event for _, minute in events_of(simulator, hour) for event in minute]
    silent, spiky, new = simulator.names[0], simulator.names[1], "plant-1/new"
    kept = [event for event in events if silent.encode() not in event]
    late = body(reading(simulator.names[2], -30, 50.0))
    bad = body(reading(simulator.names[3], 10, float("nan")))
    spike = body(reading(spiky, 1800.5, 1e4))
    put_capture(storage, [*kept, late, bad, spike, body(reading(new, 5, 1.0))])
    with outputs(storage, azurite, tmp_path) as done:
        found, rows = done.summary, done.rows()
        assert list(done.made.files) == [
            f"2026/11/20/14{suffix}" for suffix in (".parquet", ".json", ".csv", ".rejected.jsonl")
        ]
        assert found.devices == DEVICES  # one is silent, one is new
        assert found.readings == (DEVICES - 1) * 60 + 3
        assert (found.late, found.malformed, found.repeated) == (1, 1, 0)
        assert (found.missing, found.missing_devices) == (1, [silent])
        assert (found.without_model, found.without_model_devices) == (1, [new])
        assert found.versions == {"readings-test": DEVICES - 1}
        assert (spiky, 1e4) in [(worst.device, worst.value) for worst in found.worst[:2]]
        assert set(rows) == set(simulator.names) - {silent}
        for own in rows.values():
            assert [row["time"] for row in own] == sorted(row["time"] for row in own)  # type: ignore[type-var]
        flagged = sum(row["anomaly"] is True for own in rows.values() for row in own)
        assert flagged == found.anomalies > 0
        csv = pyarrow.csv.read_csv(io.BytesIO(done.data(".csv")))
        assert csv.num_rows == sum(map(len, rows.values()))
        assert csv.column_names == ["device", "time", "value", "score", "anomaly", "version"]
        [rejected] = done.data(".rejected.jsonl").splitlines()
        assert b"finite" in rejected
    with outputs(storage, azurite, tmp_path / "..", "2026-11-20T14/2", readings_csv=False) as again:
        assert again.rows() == rows
        assert next(iter(again.made.files)) == "2026/11/20/14-2.parquet"


def test_a_device_takes_its_groups_model_or_the_default(
    azurite: Azurite, storage: Storage, tmp_path: Path
) -> None:
    simulate(storage, hours_before(HOUR, 20))
    with outputs(storage, azurite, tmp_path, TRAINED):
        pass
    models = storage.container("models")
    own, other = (models.read(blob_of(f"plant-{n}/pump-0000{n}")) for n in range(2))
    for blob in models.under("devices/"):
        models.delete(blob.name)
    models.write("groups/plant-2", own, {"version": "of-the-group"})
    models.write("devices-default", other, {"version": "the-default"})
    put_capture(storage, [body(reading(name, 0, 1)) for name in ("plant-2/x", "plant-3/x", "x")])
    with outputs(storage, azurite, tmp_path) as done:
        versions = {device: rows[0]["version"] for device, rows in done.rows().items()}
        assert versions == {
            "plant-2/x": "of-the-group",
            "plant-3/x": "the-default",
            "x": "the-default",
        }
        assert done.summary.missing == done.summary.without_model == 0


def test_skops_and_onnx_models_score_as_scikit_learn_does(
    azurite: Azurite, storage: Storage, tmp_path: Path
) -> None:
    import skops.io
    from skl2onnx import to_onnx

    features = Features(names=("value", "deviation"), span=5)
    declared = {"features": features.model_dump_json()}
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 2))
    pipeline = make_pipeline(StandardScaler(), OneClassSVM(nu=0.1)).fit(rows)
    forest = IsolationForest(n_estimators=10, random_state=0).fit(rows)
    onnx = to_onnx(pipeline, rows[:1].astype(np.float32)).SerializeToString()
    models = storage.container("models")
    models.write(blob_of("a"), skops.io.dumps(pipeline), declared | {"kind": "skops"})
    models.write(blob_of("b"), skops.io.dumps(forest), declared | {"threshold": "-0.01"})
    models.write(blob_of("c"), onnx, declared | {"kind": "onnx"})
    models.write(blob_of("pickled"), pickle.dumps(pipeline), {"kind": "skops"})
    models.write(blob_of("odd"), skops.io.dumps({"x": Path("/")}), {"kind": "skops"})
    names_ = ("a", "b", "c", "pickled", "odd")
    values = rng.normal(size=40)
    put_capture(
        storage,
        [body(*(reading(n, second, float(v)) for second, v in enumerate(values))) for n in names_],
    )
    # Trees are C structures, which skops trusts only if told to.
    trusted = ["sklearn.tree._tree.Tree"]
    with outputs(storage, azurite, tmp_path, readings_trusted_types=trusted) as done:
        shards = SplitRound(storage, settings_of(azurite)).decoded()
        columns = shards[0].columns
        own = compute(features, columns)[columns.codes == 0]
        found = {name: np.array([r["score"] for r in rows]) for name, rows in done.rows().items()}
        assert np.abs(found["a"] - pipeline.decision_function(own)).max() < 1e-9
        assert np.abs(found["b"] - forest.decision_function(own)).max() < 1e-9
        assert np.abs(found["c"] - pipeline.decision_function(own)).max() < 1e-3  # single precision
        assert set(found) == {"a", "b", "c"}
        below = [row["anomaly"] for row in done.rows()["b"]]
        assert below == list(found["b"] < -0.01)
        summary = done.summary
        assert set(summary.broken_models) == {"pickled", "odd"}
        assert "trusted" in summary.broken_models["odd"]
        assert summary.without_model == 2


def test_a_round_without_readings_names_all_devices_as_missing(
    azurite: Azurite, storage: Storage, tmp_path: Path
) -> None:
    simulate(storage, hours_before(HOUR, 20))
    with outputs(storage, azurite, tmp_path, TRAINED):
        pass
    with outputs(storage, azurite, tmp_path) as done:
        assert done.summary.missing == DEVICES
        assert done.summary.readings == 0
        assert done.rows() == {}


def test_models_are_read_from_bundles_and_alone_where_a_bundle_is_gone(
    azurite: Azurite, storage: Storage, tmp_path: Path
) -> None:
    simulator = simulate(storage, hours_before(HOUR, 20))
    with outputs(storage, azurite, tmp_path, TRAINED):
        pass
    settings = settings_of(azurite, readings_models_mib=1)
    together = DeviceModels(storage, settings).choose(simulator.names)
    storage.container("models").delete_all("bundles/")
    alone = DeviceModels(storage, settings).choose(simulator.names)
    for name in simulator.names:
        assert together[name].model is not None
        assert together[name].entry == alone[name].entry
        assert together[name].model.save() == alone[name].model.save()  # type: ignore[union-attr]


def test_a_new_version_is_used_at_once_after_the_listing_is_old(
    azurite: Azurite, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workloads.readings.model_listing.LISTED_SECONDS", 0)
    monkeypatch.setattr("workloads.readings.model_listing.LISTED_TIMES", 0)
    simulator = simulate(storage, hours_before(HOUR, 20))
    with outputs(storage, azurite, tmp_path, TRAINED):
        pass
    device = simulator.names[0]
    models = DeviceModels(storage, settings_of(azurite))
    first = models.choose([device])[device].entry
    with outputs(storage, azurite, tmp_path, f"{TRAINED}/2") as trained:
        assert "train/one-class-svm/2026-11-20T13/20/2.json" in trained.made.files
    second = models.choose([device])[device].entry
    assert first and second and first.etag != second.etag


def test_training_says_which_devices_have_too_few_readings(
    azurite: Azurite, storage: Storage, tmp_path: Path
) -> None:
    before = HOUR - timedelta(hours=1)
    put_capture(storage, [body(reading("new", -3600, 1))], at=before)
    with outputs(storage, azurite, tmp_path, TRAINED) as done:
        report = json.loads(done.data("20.json"))
        assert report["models"] == 0
        assert set(report["without_model_devices"]) == {"new"}
    assert storage.container("models").under("devices/") == []
