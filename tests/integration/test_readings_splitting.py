"""How a round's files become shards, with what is malformed put aside."""

import io
import os
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.errors import Refused
from shared.storage import Storage
from tests.support.azurite import Azurite
from tests.support.rounds import (
    HOUR,
    SplitRound,
    body,
    event_of,
    put_capture,
    reading,
    settings_of,
)
from workloads.readings import columns as reasons
from workloads.readings import formats, splitting
from workloads.readings.capture import captured

GOOD = {"a": [(0.0, 1.0), (60.0, 2.0)], "b": [(30.0, 5.0)]}
#: A body that is malformed, and the reason that is recorded.
MALFORMED = {
    "not UTF-8": (b'{"device":"\xff"}', formats.NOT_JSON),
    "not JSON": (b"{device:1}", formats.NOT_JSON),
    "empty": (b"", formats.NOT_JSON),
    "deeply nested": (b"[" * 100_000, formats.NOT_JSON),
    "a number": (b"17", reasons.NOT_READING),
    "a list of numbers": (b"[1, 2]", reasons.NOT_READING),
    "no device": (b'{"time":"2026-11-20T14:00:00Z","value":1}', reasons.NO_DEVICE),
    "an empty device": (body(reading("", 1, 1)), reasons.NO_DEVICE),
    "a device with a control character": (body(reading("a\0b", 1, 1)), reasons.BAD_DEVICE),
    "a long device": (body(reading("x" * 201, 1, 1)), reasons.BAD_DEVICE),
    "no time": (b'{"device":"a","value":1}', reasons.NO_TIME),
    "a time without a zone": (
        b'{"device":"a","time":"2026-11-20T14:00:00","value":1}',
        reasons.BAD_TIME,
    ),
    "a time that isn't one": (b'{"device":"a","time":"soon","value":1}', reasons.BAD_TIME),
    "a huge time": (b'{"device":"a","time":1e300,"value":1}', reasons.BAD_TIME),
    "no value": (b'{"device":"a","time":"2026-11-20T14:00:00Z"}', reasons.NO_VALUE),
    "a word": (b'{"device":"a","time":"2026-11-20T14:00:00Z","value":"x"}', reasons.BAD_VALUE),
    "true": (b'{"device":"a","time":"2026-11-20T14:00:00Z","value":true}', reasons.BAD_VALUE),
    "NaN": (b'{"device":"a","time":"2026-11-20T14:00:00Z","value":NaN}', reasons.NOT_FINITE),
    "infinity": (b'{"device":"a","time":"2026-11-20T14:00:00Z","value":1e999}', reasons.NOT_FINITE),
    "a clock in the future": (body(reading("a", 3600 + 15 * 60, 1)), reasons.FUTURE),
    "a day late": (body(reading("a", -86_401, 1)), reasons.TOO_LATE),
}


def put_good(storage: Storage) -> None:
    put_capture(storage, [body(reading("a", 60, 2)), body(reading("b", 30, 5), reading("a", 0, 1))])


def test_what_is_malformed_is_put_aside_and_hurts_nothing_else(
    azurite: Azurite, storage: Storage
) -> None:
    put_good(storage)
    files: dict[str, str] = {}
    for number, (bad, reason) in enumerate(MALFORMED.values()):
        # Beside sound events in its file, and alone in its file.
        sound = body(reading(f"beside-{number}", 0, 7))
        files[put_capture(storage, [sound, bad, sound], 1 + 2 * number)] = reason
        files[put_capture(storage, [bad], 2 + 2 * number)] = reason
    done = SplitRound(storage, settings_of(azurite))
    beside = {f"beside-{number}": [(0.0, 7.0)] for number in range(len(MALFORMED))}
    assert done.readings() == GOOD | beside
    found = {(example.file, example.reason) for example in done.detail.examples}
    assert found == set(files.items())
    assert sum(done.detail.rejected.values()) == len(done.detail.examples) == len(files) + 2


def test_lists_lines_and_numeric_times_are_read(azurite: Azurite, storage: Storage) -> None:
    at = HOUR.timestamp()
    put_capture(
        storage,
        [
            body(reading("a", 0, 1), reading("a", 1.5, 2)),
            body(reading("b", 0, 1)) + b"\r\n" + body(reading("b", 1, 2)),
            b'{"value":3,"extra":{"x":[1]},"time":"2026-11-20T15:00:02+01:00","device":"a"}',
        ],
    )
    numbers = [
        {"device": "c", "time": at, "value": 1},
        {"device": "c", "time": at * 1000 + 1000, "value": 2},
    ]
    put_capture(storage, [body(number) for number in numbers], 1)
    done = SplitRound(storage, settings_of(azurite))
    assert done.readings() == {
        "a": [(0.0, 1.0), (1.5, 2.0), (2.0, 3.0)],
        "b": [(0.0, 1.0), (1.0, 2.0)],
        "c": [(0.0, 1.0), (1.0, 2.0)],
    }
    assert done.detail.rejected == {}


def test_csv_and_parquet_of_stream_analytics_are_read(azurite: Azurite, storage: Storage) -> None:
    files = storage.container("readings")
    rows = "a,2026-11-20T14:00:00.0000000Z,1.0\nonly-one\nb,2026-11-20T14:00:30Z,5\n"
    files.write("asa/2026/11/20/14/0_1.csv", f"device,time,value\n{rows}".encode())
    table = pa.table(
        {
            "value": pa.array([2.0, float("nan")]),
            "PartitionId": pa.array([0, 0]),
            "time": pa.array([(HOUR + timedelta(minutes=1)).replace(tzinfo=None)] * 2),
            "device": ["a", "a"],
        }
    )
    out = io.BytesIO()
    pq.write_table(table, out)
    files.write("other/2026-11-20/14/x.parquet", out.getvalue())
    files.write("other/2026-11-20/15/x.parquet", out.getvalue())  # another hour
    done = SplitRound(storage, settings_of(azurite))
    assert done.readings() == GOOD
    assert done.detail.rejected == {reasons.NOT_READING: 1, reasons.NOT_FINITE: 1}


def test_broken_files_are_put_aside(azurite: Azurite, storage: Storage) -> None:
    put_good(storage)
    files = storage.container("readings")
    whole = captured([body(reading("z", 0, 1))], HOUR)
    broken = {
        "a.avro": os.urandom(2000),
        "b.avro": whole[: len(whole) // 2],
        "c.avro": whole.replace(b"null", b"nil!"),
        "d.csv": b"x,y\n1,2\n",
        "e.parquet": b"PAR1" + os.urandom(100) + b"PAR1",
        "f.csv": b"\0" * 1000,
        "g.exe": b"MZ",
    }
    for name, data in broken.items():
        files.write(f"bad/2026/11/20/14/00/{name}", data)
    done = SplitRound(storage, settings_of(azurite))
    assert done.readings() == GOOD
    found = {example.file.rpartition("/")[2] for example in done.detail.examples}
    assert found == set(broken)
    assert set(done.detail.rejected) == {formats.BROKEN, formats.NO_FORMAT}


def test_of_a_damaged_file_the_sound_blocks_are_read(azurite: Azurite, storage: Storage) -> None:
    many = [body(reading(f"device-{n:04}", 0, n)) for n in range(3000)]
    data = bytearray(captured(many, HOUR))
    sync = bytes(data[-16:])
    second = data.index(sync, data.index(sync, data.index(sync) + 1) + 1)
    data[second + 24 : second + 40] = b"\xff" * 16
    storage.container("readings").write("x/2026/11/20/14/00/00.avro", bytes(data))
    done = SplitRound(storage, settings_of(azurite))
    assert 1000 < len(done.readings()) < 3000
    assert done.detail.rejected == {formats.BROKEN: 1}


def test_a_file_that_crashes_its_reader_is_put_aside(
    azurite: Azurite, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_good(storage)
    bomb = captured([b"[" + b" " * (200 << 20)], HOUR)  # more than the reader's memory
    name = "bomb/2026/11/20/14/00/00.avro"
    storage.container("readings").write(name, io.BytesIO(bomb))
    done = SplitRound(storage, settings_of(azurite, reader_mib=640))
    assert done.readings() == GOOD
    [example] = done.detail.examples
    assert example.file == name
    assert splitting.CRASHED in example.reason or example.reason == formats.BROKEN


def test_a_file_that_was_replaced_is_put_aside(azurite: Azurite, storage: Storage) -> None:
    put_good(storage)
    name = put_capture(storage, [body(reading("z", 0, 1))], 1)
    settings = settings_of(azurite)
    parts = splitting.ReadingsSplitting(storage, settings)
    plan = parts.plan(event_of("2026-11-20T14"), lambda: None)
    storage.container("readings").write(name, b"other")
    done = SplitRound(storage, settings, plan=plan)
    assert done.readings() == GOOD
    assert done.detail.rejected == {splitting.GONE: 1}


def test_late_and_repeated_readings_are_counted(azurite: Azurite, storage: Storage) -> None:
    put_capture(storage, [body(reading("a", -60, 9)), body(reading("a", 0, 1))])
    put_capture(storage, [body(reading("a", 0, 1)), body(reading("a", 0, 2))], 1)
    done = SplitRound(storage, settings_of(azurite))
    assert done.readings() == {"a": [(-60.0, 9.0), (0.0, 1.0), (0.0, 2.0)]}
    assert (done.detail.readings, done.detail.late, done.detail.repeated) == (3, 1, 1)


def test_many_devices_make_even_shards_and_splitting_again_makes_the_same(
    azurite: Azurite, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workloads.readings.grouping.PART_BYTES", 100_000)
    rng = np.random.default_rng(1)
    expected: dict[str, list[tuple[float, float]]] = {}
    for partition in range(3):
        bodies = []
        for _ in range(200):
            device = f"d{rng.integers(400)}"
            rows = [(float(rng.integers(3600)), float(rng.normal())) for _ in range(50)]
            bodies.append(body(*(reading(device, *row) for row in rows)))
            expected.setdefault(device, []).extend(rows)
        put_capture(storage, bodies, partition)
    settings = settings_of(azurite, readings_shard_mib=0.05, readings_segments=2)
    first, second = (SplitRound(storage, settings) for _ in range(2))
    assert first.readings() == {name: sorted(rows) for name, rows in expected.items()}
    assert first.shards == second.shards
    sizes = [shard.nbytes for shard in first.decoded()]
    assert len(sizes) >= 600_000 / (0.05 * 2**20)
    assert max(sizes) <= 0.05 * 2**20 * 1.5
    assert sum(segment.items for segment in first.segments) == len(expected)


def test_an_hour_without_files_is_a_round_without_shards(
    azurite: Azurite, storage: Storage
) -> None:
    done = SplitRound(storage, settings_of(azurite))
    assert (done.segments[0].items, done.segments[0].shards) == (0, 0)


@pytest.mark.parametrize(
    "blob", ["x", "2026-11-20T25", "2026-13-20T14", "train/x/2026-11-20T14", "../x"]
)
def test_a_job_that_names_no_window_is_refused(
    azurite: Azurite, storage: Storage, blob: str
) -> None:
    parts = splitting.ReadingsSplitting(storage, settings_of(azurite))
    with pytest.raises(Refused):
        parts.plan(event_of(blob), lambda: None)
