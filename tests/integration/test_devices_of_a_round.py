"""All devices of a round are reached from its page, those with the most anomalies first."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.errors import Missing
from shared.pages import View
from shared.storage import Storage
from workloads.readings.pages import MOST_DEVICES, ReadingsPages
from workloads.readings.rounds import Rounds
from workloads.readings.scored import SCHEMA
from workloads.readings.summary import Summary
from workloads.readings.windows import Task, Window

WINDOW = Window(datetime(2026, 11, 20, 14, tzinfo=UTC))
DEVICES = 2 * MOST_DEVICES + 1


@pytest.fixture
def pages(storage: Storage) -> ReadingsPages:
    """A round of two readings for each device; one of device 7 and both of 150 are anomalies."""
    names = [f"pump-{n:03}" for n in range(DEVICES) for _ in range(2)]
    wrong = [
        name == "pump-150" or (name == "pump-007" and n % 2 == 1) for n, name in enumerate(names)
    ]
    columns = {
        "device": names,
        "time": [WINDOW.start] * len(names),
        "value": [1.0] * len(names),
        "score": [float(n % 50) for n in range(len(names))],
        "anomaly": wrong,
        "version": ["1"] * len(names),
    }
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns).cast(SCHEMA), sink)
    folder = Task(WINDOW).folder
    container = storage.container("predictions")
    container.ensure()
    container.write(f"{folder}.parquet", sink.getvalue().to_pybytes())
    empty = dict.fromkeys(Summary.model_fields, 0)
    lists = dict.fromkeys(("worst", "missing_devices", "without_model_devices"), ())
    maps = ("sparse_devices", "malformed_by_reason", "broken_models", "versions")
    summary = Summary.model_validate(
        empty | lists | {name: {} for name in maps} | {"window": WINDOW.name}
    )
    container.write(f"{folder}.json", summary.model_dump_json().encode())
    return ReadingsPages(storage)


def listed(pages: ReadingsPages, **asked: str) -> list[str]:
    answer = pages.answer(f"rounds/{WINDOW.name}", asked)
    assert isinstance(answer, View)
    return [each.device for each in answer.facts["devices"]]


def test_devices_with_anomalies_come_first_and_all_are_reached(pages: ReadingsPages) -> None:
    first = listed(pages)
    assert first[:2] == ["pump-150", "pump-007"]
    assert len(first) == MOST_DEVICES
    rest = [name for page in ("2", "3") for name in listed(pages, page=page)]
    assert sorted(first + rest) == [f"pump-{n:03}" for n in range(DEVICES)]


def test_a_device_is_found_by_a_part_of_its_name(pages: ReadingsPages) -> None:
    assert set(listed(pages, q=" P-01")) == {f"pump-01{n}" for n in range(10)}
    assert listed(pages, q="<script>") == []
    for odd in ("0", "-1", "x", "9999999", "99"):
        assert listed(pages, page=odd)


def test_a_round_that_is_not_done_has_none(pages: ReadingsPages, storage: Storage) -> None:
    with pytest.raises(Missing):
        Rounds(storage).devices(Window(datetime(2026, 11, 20, 15, tzinfo=UTC)))
