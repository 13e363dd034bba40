"""The dispatcher's workers as jobs of a Batch AI cluster."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from shared.clusters.batchai.client import BatchAIClient
from shared.clusters.batchai.connection import BatchAISettings, connect
from shared.clusters.batchai.pool import BatchAIPool
from shared.clusters.environment import for_workers
from shared.errors import ClusterError
from shared.prepare import prepare
from shared.storage import Storage
from tests.integration.batchai.conftest import LocalBatchAI
from tests.support.azurite import Azurite
from tests.support.waiting import eventually

#: Runs until there is a file called `go`.
WORKER = 'while [ ! -e "$AZ_BATCHAI_MOUNT_ROOT/go" ]; do sleep 0.05; done'
Make = Callable[..., BatchAIPool]


@pytest.fixture
def make(server: LocalBatchAI) -> Make:
    def make(**changes: Any) -> BatchAIPool:
        defaults = {"nodes": 3, "worker_command": WORKER, "poll_seconds": 0.05}
        return BatchAIPool(BatchAISettings(**{**defaults, **changes}))

    return make


def alive(cluster: BatchAIPool) -> int:
    return sum(not worker.ended for worker in cluster.refresh())


def test_another_dispatcher_sees_the_same_workers(make: Make, server: LocalBatchAI) -> None:
    first = make()
    assert alive(first) == 0
    first.start(2)
    assert alive(first) == 2
    first.close()
    second = make()
    assert alive(second) == 2
    second.start(1)
    assert alive(second) == 3
    (server.folder / "mounts" / "go").touch()
    eventually(lambda: alive(second) == 0, "all to leave")
    second.close()


def test_two_dispatchers_dont_start_the_same_worker_twice(make: Make) -> None:
    one, other = make(), make()
    assert (alive(one), alive(other)) == (0, 0)
    one.start(1)
    other.start(1)
    assert alive(one) == alive(other) == 1
    one.close()
    other.close()


def test_the_reason_and_the_log_of_a_failure_are_read(make: Make) -> None:
    cluster = make(worker_command="echo the painting is gone >&2; exit 4")
    cluster.refresh()
    cluster.start(1)
    eventually(lambda: alive(cluster) == 0, "it to fail")
    [failed] = cluster.refresh()
    assert failed.failed
    assert failed.why == "the command ended with exit code 4"
    assert cluster.end_of_log(failed.name) == "the painting is gone"
    cluster.close()


def test_a_worker_that_logged_nothing_has_an_empty_log(make: Make) -> None:
    cluster = make(worker_command="exit 4")
    cluster.refresh()
    cluster.start(1)
    eventually(lambda: alive(cluster) == 0, "it to fail")
    assert cluster.end_of_log("worker-0001") == ""
    cluster.close()


def test_a_worker_that_waits_for_a_node_is_cancelled(make: Make) -> None:
    cluster = make(nodes=1)
    cluster.refresh()
    cluster.start(2)
    eventually(lambda: any(worker.started for worker in cluster.refresh()), "one to start")
    [waiting] = [worker for worker in cluster.refresh() if not worker.started]
    cluster.cancel(waiting.name)
    [left] = [worker for worker in cluster.refresh() if not worker.ended]
    assert left.started
    cluster.close()


def test_a_terminated_worker_ends_as_succeeded(
    make: Make, server: LocalBatchAI, npm_azurite: Azurite
) -> None:
    settings = npm_azurite.settings(idle_exit_seconds=None)
    prepare(Storage(settings))
    command = BatchAISettings.model_fields["worker_command"].default
    own = {"worker_command": command.replace("python", sys.executable)}
    cluster = make(**settings.model_dump(exclude_none=True) | own)
    cluster.refresh()
    cluster.start(1)
    log = server.folder / "mounts" / "logs"

    def at_work() -> bool:
        return any('"started"' in path.read_text() for path in log.rglob("stderr.txt"))

    eventually(at_work, "it to be at work")
    person = connect(BatchAISettings(poll_seconds=0.05))
    person.jobs.begin_terminate("impasto", "impasto", "scoring", "worker-0001").result()
    [worker] = cluster.refresh()
    assert (worker.failed, worker.why) == (False, None)
    assert worker.ended
    person.close()
    cluster.close()


def test_the_oldest_ended_workers_are_deleted(make: Make, server: LocalBatchAI) -> None:
    cluster = make(worker_command="true", keep_ended_workers=2)
    alive(cluster)
    for _ in range(4):
        cluster.start(1)
        eventually(lambda: alive(cluster) == 0, "it to end")
        cluster.delete_old_jobs()
    jobs = server.folder / "mounts" / "logs"
    eventually(lambda: alive(cluster) == 0 and len(list(jobs.rglob("stdout.txt"))) == 2, "2 left")
    cluster.start(1)
    eventually(lambda: "worker-0005" in server.log(), "a number never used before")
    cluster.close()


def test_a_cluster_that_a_person_resizes_or_deletes(make: Make, server: LocalBatchAI) -> None:
    cluster = make()
    alive(cluster)
    person = BatchAIClient(BatchAISettings(poll_seconds=0.05))
    person.scale(0, 5)
    alive(cluster)
    assert cluster.nodes == 5
    person.delete()
    alive(cluster)
    assert cluster.nodes == 3
    cluster.close()
    person.close()


def test_no_answer_is_a_cluster_error(make: Make, server: LocalBatchAI, tmp_path: Path) -> None:
    cluster = make(batchai_url="http://127.0.0.1:9")
    with pytest.raises(ClusterError, match="doesn't answer"):
        alive(cluster)
    cluster.close()


def test_workers_get_the_settings_in_the_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(
        "IMPASTO_THREADS=2\nIMPASTO_BATCHAI_SECRET=hush\nWORK_KEY=hush\n"
        "IMPASTO_WORK_CONNECTION=key\nIMPASTO_LEASE_SECONDS=5\n"
    )
    for_worker = for_workers(BatchAISettings(), {"IMPASTO_LEASE_SECONDS": "7"})
    assert for_worker.plain == {"IMPASTO_THREADS": "2", "IMPASTO_LEASE_SECONDS": "5.0"}
    assert for_worker.secret == {"IMPASTO_WORK_CONNECTION": "key"}


def test_workers_get_all_settings_except_the_clusters() -> None:
    settings = BatchAISettings(
        work_connection=SecretStr("key"), lease_seconds=7, tied_to_stdin=True, vm_size="small"
    )
    environment = {
        "PATH": "/bin",
        "IMPASTO_THREADS": "2",
        "IMPASTO_WORK_CONNECTION": "key",
        "IMPASTO_TIED_TO_STDIN": "true",
        "IMPASTO_HEARTBEAT": "heartbeat",
        "IMPASTO_VM_SIZE": "small",
        "AZURE_CLIENT_ID": "painter",
        "AZURE_AUTHORITY_HOST": "login.microsoftonline.us",
        "AZURE_CLIENT_SECRET": "hush",
        "IDENTITY_ENDPOINT": "http://127.0.0.1/token",
    }
    for_worker = for_workers(settings, environment)
    assert for_worker.plain == {
        "IMPASTO_THREADS": "2",
        "IMPASTO_LEASE_SECONDS": "7.0",
        "AZURE_CLIENT_ID": "painter",
        "AZURE_AUTHORITY_HOST": "login.microsoftonline.us",
    }
    assert for_worker.secret == {"IMPASTO_WORK_CONNECTION": "key", "AZURE_CLIENT_SECRET": "hush"}


def test_workers_have_a_free_port_of_their_own_address_where_services_have_a_port() -> None:
    environment = {"IMPASTO_HEALTH_PORT": "9464", "IMPASTO_HEALTH_ADDRESS": "10.0.0.4"}
    settings = BatchAISettings(health_port=9464, health_address="10.0.0.4")
    assert for_workers(settings, environment).plain == {"IMPASTO_HEALTH_PORT": "0"}
    assert for_workers(BatchAISettings(), {}).plain == {}
