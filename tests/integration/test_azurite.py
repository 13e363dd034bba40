"""Azurite, with whichever Node.js there is: up when it is said to be, and gone when told to go."""

from pathlib import Path

from tests.support.azurite import AzuriteProcess
from tests.support.processes import processes_of
from tests.support.waiting import eventually


def test_nothing_of_it_outlives_it(tmp_path: Path) -> None:
    own = AzuriteProcess(tmp_path)
    own.start()
    assert processes_of(tmp_path)
    own.stop()
    assert processes_of(tmp_path) == []
    own.start()
    own.close()
    eventually(lambda: processes_of(tmp_path) == [], "all of it to be gone")
