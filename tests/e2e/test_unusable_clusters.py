"""If no worker can start, the video fails with the reason; later videos are painted."""

import contextlib
import os
import signal
from pathlib import Path

import pytest

from services.console import stack as stack_module
from shared.control.job_control import JobControl
from shared.storage import QUEUES
from tests.support.processes import processes_of
from tests.support.stacks import QUICK, impasto, stack_in
from tests.support.waiting import eventually
from workloads.video import VIDEO

FEW = {"IMPASTO_WORKER_TRIES": "4", "IMPASTO_NODE_SECONDS": "4", "IMPASTO_NODE_IDLE_SECONDS": "1"}
EXIT_3 = ["/bin/sh", "-c", "echo there is no paint left >&2; exit 3"]
#: Settings, the command of workers, and the reason in the video's record.
FAULTS = {
    "exit code 3": (
        {},
        EXIT_3,
        "no worker could start: 4 workers in a row failed;"
        " the last: the command ended with exit code 3; there is no paint left",
    ),
    "bad image": (
        {"IMPASTO_WORKER_IMAGE": "nowhere/none", "IMPASTO_KNOWN_IMAGES": '["impasto/scorer"]'},
        stack_module.WORKER,
        "no worker could start: 4 workers in a row failed;"
        " the last: unable to start docker container; imageName: nowhere/none",
    ),
    "quota 0": (
        {"IMPASTO_NODE_QUOTA": "0"},
        stack_module.WORKER,
        "no worker could start: no node came for 4 s:"
        " the quota is 0 nodes for all clusters, and this cluster needs 1",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_video_fails_with_the_reason_and_the_next_is_painted(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    settings, worker, reason = FAULTS[fault]
    for name, value in (QUICK | FEW).items():
        monkeypatch.setenv(name, value)
    with contextlib.ExitStack() as open_until_the_end:
        with monkeypatch.context() as faulty:
            for name, value in settings.items():
                faulty.setenv(name, value)
            faulty.setattr(stack_module, "WORKER", worker)
            stack = open_until_the_end.enter_context(stack_in(tmp_path / "stack", nodes=1))
        control = JobControl(stack.storage)
        job = control.submit(VIDEO, clip, "original/first.mp4")
        eventually(lambda: control.status(job).ended, "the job to fail", within=90)
        status = control.status(job)
        assert (status.state, status.reason) == ("failed", reason)
        for name in QUEUES:
            queue = stack.storage.queue(name)
            eventually(lambda queue=queue: queue.count() == 0, f"{name} to be empty")  # type: ignore[misc]
            assert stack.storage.poison(name).count() == 0
        for service in ("batchai", "dispatcher"):  # they are restarted without the fault
            os.kill(stack.pids()[service], signal.SIGKILL)
        second = control.submit(VIDEO, clip, "original/second.mp4")
        eventually(lambda: control.status(second).ended, "the next job to end", within=120)
        assert control.status(second).state == "finished", control.status(second).reason


def test_a_run_ends_if_a_service_refuses_its_settings(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPASTO_WORKER_HOURS", "100000000")
    data = ("--data", tmp_path / "data")
    ended = impasto("run", clip, "--style", "original", "--output", tmp_path / "out", *data)
    assert ended.returncode == 2
    assert "dispatcher: IMPASTO_WORKER_HOURS: Input should be less than" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert processes_of(tmp_path / "data") == []
