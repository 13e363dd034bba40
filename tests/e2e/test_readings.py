"""Readings from files to predictions, on a whole stack, with services that are killed."""

import json
import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from services.console.stack import Stack
from shared.arrivals import Arrivals
from shared.jobs import Jobs
from shared.names import window_job
from shared.records import Result
from tests.support.leftovers import assert_nothing_is_left
from tests.support.readings_commands import readings
from tests.support.waiting import eventually
from workloads.readings.rounds import Rounds
from workloads.readings.windows import Window

HOUR, TRAINED = "2026-06-02T12", "2026-06-02T11"
#: Several shards, so that there are several chunks.
SETTINGS = {"IMPASTO_READINGS_SHARD_MIB": "0.01", "IMPASTO_READINGS_DELAY_MINUTES": "0"}


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)


@contextmanager
def killing(stack: Stack) -> Iterator[list[str]]:
    """Kill a service of the stack again and again, each time another one."""
    stop = threading.Event()
    killed: list[str] = []
    order = ["splitter", "stitcher", "dispatcher", "trigger"] * 5
    random.Random(1).shuffle(order)

    def kill() -> None:
        for name in order:
            if stop.wait(0.7):
                return
            with suppress(ProcessLookupError, KeyError):
                os.kill(stack.pids()[name], signal.SIGKILL)
                killed.append(name)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()


def test_a_round_under_kills_has_the_predictions_of_an_undisturbed_one(
    stack: Stack, tmp_path: Path
) -> None:
    labels = str(tmp_path / "labels.jsonl")
    simulated = ["--devices", "60", "--hours", "11", "--last", HOUR, "--labels", labels]
    readings(stack.accounts, "simulate", *simulated)
    trained = readings(stack.accounts, "train", "--hours", "10", "--last", TRAINED, "--wait")
    assert json.loads(trained.splitlines()[1])["state"] == "finished"
    assert "60 models" in trained
    readings(stack.accounts, "score", "--window", HOUR, "--wait")
    # To announce it once more changes nothing.
    assert len(readings(stack.accounts, "score", "--window", HOUR).splitlines()) == 1

    with killing(stack) as killed:
        readings(stack.accounts, "score", "--window", HOUR, "--again", "--wait")
    assert killed
    predictions = stack.storage.container("predictions")
    tables = []
    for name in ("12", "12-2"):
        path = tmp_path / f"{name}.parquet"
        predictions.download(f"2026/06/02/{name}.parquet", path)
        tables.append(pq.read_table(path))
        assert predictions.find(f"2026/06/02/{name}.csv")
    assert tables[0].num_rows > 3000
    assert tables[0].equals(tables[1])
    summary = Rounds(stack.storage).summary(Window.of(HOUR))
    assert summary.readings == tables[0].num_rows
    assert summary.without_model == summary.malformed == summary.late == 0
    assert summary.devices + summary.missing == 60

    assert len(readings(stack.accounts, "rounds", "--json").splitlines()) == 2
    assert "devices sent" in readings(stack.accounts, "show", "--window", HOUR)
    png = tmp_path / "plot.png"
    device = tables[0].column("device")[0].as_py()
    readings(stack.accounts, "plot", device, "--window", HOUR, "--output", str(png))
    with Image.open(png) as picture:
        assert picture.size == (1200, 640)
    assert_nothing_is_left(stack.storage)


def test_the_clock_starts_the_round_of_an_hour_that_has_files(stack: Stack, tmp_path: Path) -> None:
    last = Window.at(datetime.now(UTC)).before()
    labels = str(tmp_path / "labels.jsonl")
    readings(
        stack.accounts,
        "simulate",
        "--devices",
        "5",
        "--hours",
        "1",
        "--last",
        last.name,
        "--labels",
        labels,
    )
    job = window_job("readings", last.name)
    outcome = eventually(lambda: Jobs(stack.storage).outcome(job), "the round to be done")
    assert isinstance(outcome, Result)
    assert Rounds(stack.storage).summary(last).without_model > 0
    # Hours without files, and without any in the hour before, have no round.
    assert not Arrivals(stack.storage).recorded(window_job("readings", last.before().name))
