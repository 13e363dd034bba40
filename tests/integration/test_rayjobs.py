"""The dispatcher's workers as jobs of a real Ray cluster."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from shared.clusters.ray.jobs import RaySettings
from shared.clusters.ray.pool import RayPool
from shared.clusters.state import WorkerState
from shared.errors import ClusterError, Misconfigured
from tests.support.raycluster import LocalRay
from tests.support.waiting import eventually

Make = Callable[..., RayPool]


def account(name: str) -> SecretStr:
    return SecretStr(f"AccountName={name};AccountKey=a2V5")


@pytest.fixture
def go(tmp_path: Path) -> Path:
    return tmp_path / "go"


@pytest.fixture
def make(ray: LocalRay, tmp_path: Path, go: Path) -> Iterator[Make]:
    """Pools of one fleet, whose workers run until there is a file called `go`."""
    work = f"while [ ! -e {go} ]; do sleep 0.05; done"
    made: list[RayPool] = []

    def make(**changes: Any) -> RayPool:
        defaults = {
            "ray_url": ray.url,
            "worker_command": work,
            "work_connection": account(tmp_path.name),
        }
        made.append(RayPool(RaySettings(**{**defaults, **changes})))
        return made[-1]

    yield make
    go.touch()
    if made:
        eventually(lambda: not alive(made[0]), "all to leave")


def alive(cluster: RayPool) -> list[WorkerState]:
    return [worker for worker in cluster.refresh() if not worker.ended]


def running(cluster: RayPool) -> list[WorkerState]:
    return [worker for worker in alive(cluster) if worker.started]


def test_another_dispatcher_sees_the_same_workers(make: Make, go: Path) -> None:
    first = make()
    assert first.refresh() == []
    assert first.nodes == 2
    first.start(2)
    eventually(lambda: len(running(first)) == 2, "both to run")
    second = make()
    assert len(alive(second)) == 2
    second.start(1)
    assert len(alive(first)) == 3
    assert len(running(first)) == 2
    go.touch()
    eventually(lambda: not alive(second), "all to leave")
    assert [worker.failed for worker in first.refresh()] == [False] * 3


def test_each_fleet_sees_only_its_own_workers(make: Make) -> None:
    ours, theirs = make(), make(work_connection=account("another"))
    ours.refresh()
    ours.start(1)
    assert len(alive(ours)) == 1
    assert theirs.refresh() == []


def test_two_dispatchers_dont_start_the_same_worker_twice(make: Make) -> None:
    one, other = make(), make()
    assert one.refresh() == other.refresh() == []
    one.start(1)
    other.start(1)
    assert len(alive(one)) == len(alive(other)) == 1


def test_the_environment_of_a_worker(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPASTO_THREADS", "3")
    monkeypatch.setenv("AZURE_CLIENT_ID", "painter")
    said = tmp_path / "said"
    cluster = make(worker_command=f"env > {said}.part && mv {said}.part {said}")
    cluster.refresh()
    cluster.start(1)
    eventually(said.exists, "it to say so")
    environment = dict(line.partition("=")[::2] for line in said.read_text().splitlines())
    assert environment["IMPASTO_THREADS"] == "3"
    assert environment["AZURE_CLIENT_ID"] == "painter"
    assert environment["IMPASTO_WORK_CONNECTION"] == account(tmp_path.name).get_secret_value()
    assert environment["OMP_NUM_THREADS"] == "1"
    assert "IMPASTO_RAY_URL" not in environment


def test_the_reason_and_the_log_of_a_failure_are_read(make: Make) -> None:
    cluster = make(worker_command="echo the painting is gone >&2; exit 4")
    cluster.refresh()
    cluster.start(1)
    eventually(lambda: not alive(cluster), "it to fail")
    [failed] = cluster.refresh()
    assert failed.failed
    assert failed.why == "Job entrypoint command failed with exit code 4"
    assert cluster.end_of_log(failed.name) == "the painting is gone"


def test_a_worker_that_waits_for_room_is_cancelled(make: Make, go: Path) -> None:
    cluster = make(nodes=3)
    cluster.refresh()
    assert cluster.nodes == 3
    cluster.start(3)
    eventually(lambda: len(running(cluster)) == 2, "two to run")
    [waiting] = [worker for worker in alive(cluster) if not worker.started]
    cluster.cancel(waiting.name)
    assert waiting.name not in [worker.name for worker in cluster.refresh()]
    go.touch()
    eventually(lambda: not alive(cluster), "all to leave")


def test_the_oldest_ended_workers_are_deleted(make: Make) -> None:
    cluster = make(worker_command="true", keep_ended_workers=1)
    cluster.refresh()
    cluster.start(2)
    eventually(lambda: not alive(cluster), "both to end")
    cluster.delete_old_jobs()
    eventually(lambda: len(cluster.refresh()) == 1, "one to be left")
    cluster.start(1)
    assert cluster.refresh()[-1].name.endswith("-0003")


def test_a_cluster_without_room_says_why(make: Make) -> None:
    cluster = make(ray_gpus=1)
    cluster.refresh()
    assert cluster.nodes == 1
    assert cluster.why_no_node() == (
        "no node of the Ray cluster has room for a worker: CPUs 1, GPUs 1"
    )


def test_a_worker_must_reserve_something() -> None:
    with pytest.raises(Misconfigured, match="IMPASTO_RAY_CPUS and IMPASTO_RAY_GPUS are both 0"):
        RayPool(RaySettings(cluster="ray", ray_cpus=0))


def test_no_answer_is_a_cluster_error() -> None:
    cluster = RayPool(RaySettings(ray_url="http://127.0.0.1:9"))
    with pytest.raises(ClusterError, match="Ray doesn't answer"):
        cluster.refresh()
