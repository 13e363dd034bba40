"""The files of predictions: what is written to both is the same."""

import csv
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from workloads.readings.columns import Columns
from workloads.readings.prediction_files import csv_file, csv_rows, parquet_file
from workloads.readings.scored import Notes, Scored, read_scored

DEVICES = ["plain", "a,b", 'c"d', "e'f g"]
TIMES = np.array([0, 1_780_000_000_000_001, 1_780_000_000_500_000, -1])
VALUES = np.array([1.5, -0.0, 1e100, 1 / 3])
SCORES = np.array([0.1, np.nan, -np.inf, 5e-324])


def test_csv_and_parquet_have_the_same_rows(tmp_path: Path) -> None:
    columns = Columns(DEVICES, np.arange(4, dtype=np.int32), TIMES, VALUES)
    scored = Scored(columns, SCORES, SCORES < 0, ["1", "1", "2", "1"], Notes())
    table, _ = read_scored(scored.encode())
    with (
        parquet_file(tmp_path / "out.parquet") as parquet,
        csv_file(tmp_path / "out.csv") as text,
    ):
        parquet.write_table(table)
        text.write_table(csv_rows(table))
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    with (tmp_path / "out.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["device"] for row in rows] == [row["device"] for row in found] == DEVICES
    assert [row["time"] for row in found] == [
        "1970-01-01 00:00:00.000000Z",
        "2026-05-28 20:26:40.000001Z",
        "2026-05-28 20:26:40.500000Z",
        "1969-12-31 23:59:59.999999Z",
    ]
    assert [f"{row['time']:%Y-%m-%d %H:%M:%S.%fZ}" for row in rows] == [
        row["time"] for row in found
    ]
    for name, wanted in (("value", VALUES), ("score", SCORES)):
        assert np.array_equal([float(row[name]) for row in found], wanted, equal_nan=True)
        assert np.array_equal([row[name] for row in rows], wanted, equal_nan=True)
    assert [row["anomaly"] for row in found] == ["false", "false", "true", "false"]
    assert [row["version"] for row in found] == [row["version"] for row in rows]
