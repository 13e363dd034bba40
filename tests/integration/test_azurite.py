"""The Azurite that a stack starts."""

from pathlib import Path

from tests.support.azurite import AzuriteProcess
from tests.support.processes import processes_of
from tests.support.waiting import eventually


def test_a_stopped_azurite_leaves_no_processes(tmp_path: Path) -> None:
    own = AzuriteProcess(tmp_path)
    own.start()
    assert processes_of(tmp_path)
    own.stop()
    assert processes_of(tmp_path) == []
    own.start()
    own.close()
    eventually(lambda: processes_of(tmp_path) == [], "its processes to end")
