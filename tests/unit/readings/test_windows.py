"""Windows, the jobs that are named after them, and the hours of paths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Refused
from shared.names import window_job
from workloads.readings.windows import Task, Window, arrival_of, window_of_folder

HOURS = (
    st.datetimes().filter(lambda at: at.year > 1900).map(lambda at: Window.of(f"{at:%Y-%m-%dT%H}"))
)


@given(HOURS, st.sampled_from(["", "one-class-svm"]), st.integers(1, 500), st.integers(1, 50))
def test_a_job_names_what_it_does(last: Window, kind: str, hours: int, number: int) -> None:
    window = Window(last.before(hours - 1).start, hours) if kind else last
    task = Task(window, kind, number)
    assert Task.of(task.blob) == task
    assert len(window_job("readings", task.blob)) <= 63
    if not kind:
        assert window_of_folder(task.folder) == window


@pytest.mark.parametrize(
    ("blob", "hour"),
    [
        ("ns/hub/0/2026/11/20/14/05/00.avro", "2026-11-20T14"),
        ("2026/11/20/14/x.csv", "2026-11-20T14"),
        ("asa/2026-11-20/14/x.parquet", "2026-11-20T14"),
        ("asa/2026-11-20/14-30/x.parquet", "2026-11-20T14"),
        ("asa/2026/11/20/x.csv", None),
        ("2026/13/20/14/x.csv", None),
        ("x.csv", None),
    ],
)
def test_the_hour_of_a_path(blob: str, hour: str | None) -> None:
    found = arrival_of(blob)
    assert (found.name if found else None) == hour


@pytest.mark.parametrize(
    "blob", ["", "2026-11-20", "2026-11-20T14/1", "2026-11-20T14/0", "train/x/2026-11-20T14/0", "/"]
)
def test_what_names_no_job_is_refused(blob: str) -> None:
    with pytest.raises(Refused):
        Task.of(blob)
