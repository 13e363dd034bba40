"""The dispatcher's workers as jobs of a Batch AI cluster."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.dispatcher.batchai import BatchAICluster, rest_until
from services.dispatcher.environment import for_workers
from services.dispatcher.settings import DispatcherSettings
from shared.batchai.cluster import RemoteCluster
from shared.batchai.connection import ClusterSettings
from shared.batchai.states import JobState
from shared.errors import ClusterError
from tests.integration.batchai.conftest import Server
from tests.waiting import eventually

#: Runs until there is a file called `go`.
WORKER = 'while [ ! -e "$AZ_BATCHAI_MOUNT_ROOT/go" ]; do sleep 0.05; done'
Make = Callable[..., BatchAICluster]


@pytest.fixture
def make(server: Server) -> Make:
    def make(**changes: Any) -> BatchAICluster:
        defaults = {"nodes": 3, "worker_command": WORKER, "poll_seconds": 0.05}
        return BatchAICluster(DispatcherSettings(**{**defaults, **changes}))

    return make


def test_workers_are_counted_by_whoever_asks(make: Make, server: Server) -> None:
    first = make()
    assert first.alive() == 0
    first.start(2)
    assert first.alive() == 2
    first.close()
    second = make()
    assert second.alive() == 2
    second.start(1)
    assert second.alive() == 3
    (server.folder / "mounts" / "go").touch()
    eventually(lambda: second.alive() == 0, "all to leave")
    second.close()


def test_two_at_a_time_dont_double_a_worker(make: Make) -> None:
    one, other = make(), make()
    assert (one.alive(), other.alive()) == (0, 0)
    one.start(1)
    other.start(1)
    assert one.alive() == other.alive() == 1
    one.close()
    other.close()


def test_why_a_worker_failed_is_said_once(make: Make) -> None:
    cluster = make(worker_command="echo the painting is gone >&2; exit 4")
    with capture_logs() as lines:
        assert cluster.alive() == 0
        cluster.start(1)
        eventually(lambda: cluster.alive() == 0, "it to fail")
        cluster.alive()
    [failed] = [line for line in lines if line["event"] == "worker failed"]
    assert failed["worker"] == "worker-0001"
    assert failed["why"] == "the command ended with exit code 4; stderr: the painting is gone"
    cluster.close()


def test_only_so_many_ended_workers_are_kept(make: Make, server: Server) -> None:
    cluster = make(worker_command="true", keep_ended_workers=2)
    cluster.alive()
    for _ in range(4):
        cluster.start(1)
        eventually(lambda: cluster.alive() == 0, "it to end")
    jobs = server.folder / "mounts" / "logs"
    eventually(lambda: cluster.alive() == 0 and len(list(jobs.rglob("stdout.txt"))) == 2, "2 left")
    cluster.start(1)
    eventually(lambda: "worker-0005" in server.log(), "a number never used before")
    cluster.close()


def test_a_cluster_that_somebody_scales_or_deletes(make: Make, server: Server) -> None:
    cluster = make()
    cluster.alive()
    person = RemoteCluster(ClusterSettings(poll_seconds=0.05))
    person.scale(0, 5)
    cluster.alive()
    assert cluster.nodes == 5
    person.delete()
    cluster.alive()
    assert cluster.nodes == 3
    cluster.close()
    person.close()


def test_workers_that_fail_at_once_are_started_ever_more_rarely() -> None:
    def ended(at: int, state: str = "failed", seconds: int = 1) -> JobState:
        start = datetime(2018, 5, 1, 12, 0, at, tzinfo=UTC)
        end = start + timedelta(seconds=seconds)
        return JobState(
            name="worker-1", state=state, started=start, ended=end, exit_code=None, why=None
        )

    def rest(*jobs: JobState) -> float | None:
        until = rest_until(list(jobs))
        assert jobs[-1].ended
        return None if until.year == 1 else (until - jobs[-1].ended).total_seconds()

    assert rest(ended(1), ended(2)) is None
    assert rest(ended(1), ended(2), ended(3)) == 2
    assert rest(ended(1), ended(2), ended(3), ended(4)) == 4
    assert rest(*map(ended, range(20))) == 60
    assert rest(ended(1), ended(2, "succeeded"), ended(3), ended(4)) is None
    assert rest(ended(1), ended(2), ended(3, seconds=30)) is None


def test_a_service_that_doesnt_answer(make: Make, server: Server, tmp_path: Path) -> None:
    cluster = make(batchai_url="http://127.0.0.1:9")
    with pytest.raises(ClusterError, match="doesn't answer"):
        cluster.alive()
    cluster.close()


def test_workers_are_told_all_but_what_is_the_dispatchers_own() -> None:
    settings = DispatcherSettings(
        work_connection=SecretStr("key"), lease_seconds=7, tied_to_stdin=True, vm_size="small"
    )
    environment = {
        "PATH": "/bin",
        "IMPASTO_THREADS": "2",
        "IMPASTO_WORK_CONNECTION": "key",
        "IMPASTO_TIED_TO_STDIN": "true",
        "IMPASTO_VM_SIZE": "small",
    }
    told = for_workers(settings, environment)
    assert told.plain == {"IMPASTO_THREADS": "2", "IMPASTO_LEASE_SECONDS": "7.0"}
    assert told.secret == {"IMPASTO_WORK_CONNECTION": "key"}
