"""What a shard's scores say about its devices: the worst, the sparse, those without a model."""

import numpy as np

from workloads.readings.columns import Columns
from workloads.readings.device_models import Chosen
from workloads.readings.features import Features
from workloads.readings.model_listing import Entry
from workloads.readings.scored import WORST, Scored
from workloads.readings.scoring import DeviceScore, assembled
from workloads.readings.shard import Shard
from workloads.readings.svm import OneClassSvm
from workloads.readings.windows import ONE_CLASS_SVM, Task, Window

WINDOW = Window.of("2026-11-20T14")
START = int(WINDOW.start.timestamp() * 1e6)


def model(threshold: float = 0.0, floor: float = -2.0, hourly: float = 0.0) -> Chosen:
    one, entry = np.ones(1), Entry("", ONE_CLASS_SVM, "7", "", "", "", 0.0)
    features = Features(names=("value",))
    svm = OneClassSvm(features, one, one, one[:, None], one, 1.0, floor, threshold, hourly, {})
    return Chosen(entry, svm)


def notes_on(devices: list[tuple[Chosen, list[float]]]) -> Scored:
    """The readings' values are 0, 1, 2 …, a second apart."""
    names = [f"device-{n:02}" for n in range(len(devices))]
    counts = [max(1, len(scores)) for _, scores in devices]
    starts = np.concatenate([[0], np.cumsum(counts)])
    numbers = np.concatenate([np.arange(count) for count in counts])
    codes = np.repeat(np.arange(len(devices), dtype=np.int32), counts)
    columns = Columns(names, codes, START + numbers * 1_000_000, numbers.astype(float))
    found = [DeviceScore(chosen, np.array(scores)) for chosen, scores in devices]
    return assembled(Shard(Task(WINDOW), columns), starts, found)


def test_the_worst_ten_are_the_furthest_below_their_own_threshold() -> None:
    scores = [-0.1 * n for n in range(15)]
    made = notes_on([(model(), [1.0, score, 0.5]) for score in scores])
    assert [worst.device for worst in made.notes.worst] == [
        f"device-{n:02}" for n in range(14, 14 - WORST, -1)
    ]
    first = made.notes.worst[0]
    assert (first.value, first.time, first.score) == (1.0, START + 1_000_000, scores[14])
    assert first.margin == -scores[14] / 2
    # The first device's score is the threshold, so it is no anomaly.
    assert (made.notes.anomalies, made.notes.devices_with_anomalies) == (14, 14)
    assert made.anomalies.tolist() == [n % 3 == 1 and n > 3 for n in range(45)]


def test_equally_bad_devices_come_in_the_order_of_their_names() -> None:
    made = notes_on([(model(), [-1.0])] * 12)
    assert [worst.device for worst in made.notes.worst] == [f"device-{n:02}" for n in range(WORST)]


def test_a_score_that_is_no_number_is_an_anomaly_and_not_the_worst() -> None:
    nan = float("nan")
    made = notes_on([(model(), [nan, nan]), (model(), [nan, -0.2]), (model(), [nan, 5.0])])
    assert made.notes.anomalies == 5
    assert [(worst.device, worst.score) for worst in made.notes.worst] == [
        ("device-01", -0.2),
        ("device-00", 0.0),
        ("device-02", 5.0),
    ]


def test_devices_without_a_model_are_named_and_have_no_predictions() -> None:
    broken = Chosen(None, None, "it can't be read")
    made = notes_on([(Chosen(None, None), []), (model(), [1.0, 1.0]), (broken, [])])
    assert made.columns.devices == ["device-01"]
    assert (made.columns.values.tolist(), made.scores.tolist()) == ([0.0, 1.0], [1.0, 1.0])
    assert (made.notes.without_model, made.notes.devices, made.notes.readings) == (2, 3, 4)
    assert made.notes.without_model_names == ["device-00", "device-02"]
    assert made.notes.broken_models == {"device-02": "it can't be read"}
    assert (made.notes.versions, made.notes.worst) == ({"7": 1}, [])


def test_a_shard_without_any_model_is_scored_as_nothing() -> None:
    made = notes_on([(Chosen(None, None), [])] * 2)
    assert (len(made.scores), made.columns.devices, made.notes.without_model) == (0, [], 2)


def test_a_device_that_sent_less_than_half_of_the_usual_is_sparse() -> None:
    made = notes_on([(model(hourly=usual), [1.0, 1.0]) for usual in (0, 2, 4, 4.01, 20)])
    assert made.notes.sparse == {"device-03": 0.499, "device-04": 0.1}
