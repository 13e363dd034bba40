"""Which cluster is used, and what is said where its settings make no sense."""

import os
import subprocess
import sys
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from services.scorer.settings import ScorerSettings
from shared.clusters.queue.backend import Replicas
from shared.clusters.ray.jobs import Node, RayJobs, RaySettings
from shared.clusters.settings import ClusterKind, WorkerSettings, fleet
from shared.clusters.table import backend, worker_settings
from shared.errors import Misconfigured
from shared.runtime.serve import MISCONFIGURED
from shared.settings import Settings
from shared.storage import Storage

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="the extra `ray` isn't installed")
ROOT = Path(__file__).parents[2]
STORAGE = {
    "IMPASTO_MEDIA_URL": "https://media.blob.core.windows.net",
    "IMPASTO_WORK_URL": "https://work.blob.core.windows.net",
}


def test_replicas_are_as_many_as_was_said() -> None:
    cluster = backend("queue").pool(WorkerSettings(cluster="queue", nodes=7))
    assert isinstance(cluster, Replicas)
    assert cluster.nodes == 7
    assert cluster.refresh() == []


def test_a_cluster_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_CLUSTER", "slurm")
    with pytest.raises(ValidationError, match="'batchai', 'azureml', 'ray' or 'queue'"):
        worker_settings()


def test_a_dispatcher_that_is_missing_something_says_what_and_doesnt_start() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "services.dispatcher"],
        env=os.environ | STORAGE | {"IMPASTO_CLUSTER": "azureml", "IMPASTO_WORKER_IMAGE": "i:1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == MISCONFIGURED
    assert ended.stderr == (
        "dispatcher: IMPASTO_CLUSTER is azureml, which needs IMPASTO_SUBSCRIPTION"
        " and IMPASTO_RESOURCE_GROUP and IMPASTO_WORKSPACE as well\n"
    )


@pytest.mark.parametrize(
    ("service", "name", "value"),
    [
        ("dispatcher", "IMPASTO_WORKER_HOURS", "100000000"),
        ("dispatcher", "IMPASTO_NODE_SECONDS", "inf"),
        ("dispatcher", "IMPASTO_POLL_SECONDS", "nan"),
        ("batchai", "IMPASTO_ALLOCATION_SECONDS", "1e300"),
        ("batchai", "IMPASTO_NODE_QUOTA", "1000000000000"),
    ],
)
def test_a_setting_out_of_bounds_is_named_and_nothing_starts(
    tmp_path: Path, service: str, name: str, value: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", f"services.{service}"],
        env=os.environ | STORAGE | {name: value, "IMPASTO_BATCHAI_FOLDER": str(tmp_path / "new")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == MISCONFIGURED
    assert ended.stderr.startswith(f"{service}: {name}: Input should be less than or equal to ")
    assert ended.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("cluster", "package"), [("azureml", "azure.ai.ml"), ("ray", "ray.job_submission")]
)
def test_an_extra_that_isnt_installed(
    monkeypatch: pytest.MonkeyPatch, cluster: ClusterKind, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    for name, value in STORAGE.items():
        monkeypatch.setenv(name, value)
    settings = backend(cluster).settings.model_validate(
        {"cluster": cluster, "worker_image": "i:1", "workspace": "w"}
        | {"subscription": "s", "resource_group": "g"}
    )
    with pytest.raises(Misconfigured, match=f"install this package's extra `{cluster}`"):
        backend(cluster).pool(settings)


@pytest.mark.parametrize("cluster", ["batchai", pytest.param("ray", marks=needs_ray), "queue"])
def test_only_the_libraries_of_the_one_that_is_used_are_imported(cluster: str) -> None:
    program = (
        "import sys; from shared.clusters import table;"
        "table.chosen().pool(table.worker_settings()); print(*sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | STORAGE | {"IMPASTO_CLUSTER": cluster},
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout.split()
    heavy = {"azure.mgmt.batchai": "batchai", "azure.ai.ml": "azureml", "ray": "ray"}
    assert {heavy[name] for name in heavy.keys() & set(loaded)} <= {cluster}


def of(connection: str) -> str:
    return fleet(Settings(work_connection=SecretStr(connection)))


def test_a_fleet_is_told_by_the_work_account() -> None:
    one = fleet(Settings(work_url="https://one.blob.core.windows.net"))
    other = of("AccountName=other;AccountKey=a2V5")
    assert one != other
    assert one == fleet(Settings(work_url="https://one.blob.core.windows.net", max_attempts=3))
    assert one == of("AccountName=one;AccountKey=a2V5;EndpointSuffix=core.windows.net")


def test_a_fleet_is_the_same_after_its_accounts_key_was_changed() -> None:
    account = "DefaultEndpointsProtocol=http;AccountName=a;BlobEndpoint=http://127.0.0.1:9/a;"
    assert of(f"{account}AccountKey=b2xk") == of(f"{account}AccountKey=bmV3")
    assert of(f"{account}SharedAccessSignature=sig=old") == of(f"{account}AccountKey=bmV3")
    elsewhere = account.replace(":9/", ":10/")
    assert of(f"{account}AccountKey=b2xk") != of(f"{elsewhere}AccountKey=b2xk")


def test_a_fleet_of_an_account_that_is_reached_by_url_is_called_as_before() -> None:
    """Workers that the previous version started are known by it."""
    url = "https://one.blob.core.windows.net"
    assert fleet(Settings(work_url=url)) == f"impasto-{sha256(url.encode()).hexdigest()[:8]}"
    assert fleet(Settings(work_url=f"{url}/")) == fleet(Settings(work_url=url))


@pytest.mark.parametrize("connection", ["nonsense", "AccountKey=a2V5"])
def test_a_connection_string_that_names_no_account(connection: str) -> None:
    with pytest.raises(Misconfigured, match="IMPASTO_WORK_CONNECTION"):
        of(connection)


@needs_ray
def test_rays_workers_are_as_many_as_fit_unless_it_was_said() -> None:
    nodes = [Node("a", 3), Node("head", 0)]
    assert RayJobs(RaySettings()).most_workers(nodes) == 3
    assert RayJobs(RaySettings()).most_workers([]) == 1
    assert RayJobs(RaySettings(nodes=20)).most_workers(nodes) == 20


def test_a_setting_that_is_set_but_empty_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_IDLE_EXIT_SECONDS", "")
    assert ScorerSettings().idle_exit_seconds is None


def test_a_queues_url_is_never_guessed_wrong() -> None:
    urls = {"media_url": "https://media.example", "work_url": "https://work.example"}
    with pytest.raises(Misconfigured, match="set IMPASTO_WORK_QUEUE_URL"):
        Storage(Settings.model_validate(urls))
    Storage(Settings.model_validate(urls | {"work_queue_url": "https://queues.example"}))
