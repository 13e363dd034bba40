"""How a cluster is chosen, and the errors for settings that make no sense."""

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


def test_the_queue_backend_starts_no_workers() -> None:
    cluster = backend("queue").pool(WorkerSettings(cluster="queue", nodes=7))
    assert isinstance(cluster, Replicas)
    assert cluster.nodes == 7
    assert cluster.refresh() == []


def test_an_unknown_cluster_is_refused_with_the_known_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_CLUSTER", "slurm")
    with pytest.raises(ValidationError, match="'batchai', 'azureml', 'ray' or 'queue'"):
        worker_settings()


def test_a_dispatcher_without_a_required_setting_names_it_and_does_not_start() -> None:
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
def test_a_service_with_a_setting_out_of_bounds_names_it_and_does_not_start(
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
def test_a_cluster_whose_packages_are_missing_names_the_extra(
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
def test_only_the_chosen_clusters_libraries_are_imported(cluster: str) -> None:
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


def fleet_of(connection: str) -> str:
    return fleet(Settings(work_connection=SecretStr(connection)))


def test_a_fleets_name_depends_on_the_work_account_only() -> None:
    one = fleet(Settings(work_url="https://one.blob.core.windows.net"))
    other = fleet_of("AccountName=other;AccountKey=a2V5")
    assert one != other
    assert one == fleet(Settings(work_url="https://one.blob.core.windows.net", max_attempts=3))
    assert one == fleet_of("AccountName=one;AccountKey=a2V5;EndpointSuffix=core.windows.net")


def test_a_fleets_name_does_not_depend_on_the_accounts_key() -> None:
    account = "DefaultEndpointsProtocol=http;AccountName=a;BlobEndpoint=http://127.0.0.1:9/a;"
    assert fleet_of(f"{account}AccountKey=b2xk") == fleet_of(f"{account}AccountKey=bmV3")
    assert fleet_of(f"{account}SharedAccessSignature=sig=old") == fleet_of(
        f"{account}AccountKey=bmV3"
    )
    elsewhere = account.replace(":9/", ":10/")
    assert fleet_of(f"{account}AccountKey=b2xk") != fleet_of(f"{elsewhere}AccountKey=b2xk")


def test_a_fleets_name_for_an_accounts_url_stays_the_same_between_versions() -> None:
    """So that workers that the previous version started are found."""
    url = "https://one.blob.core.windows.net"
    assert fleet(Settings(work_url=url)) == f"impasto-{sha256(url.encode()).hexdigest()[:8]}"
    assert fleet(Settings(work_url=f"{url}/")) == fleet(Settings(work_url=url))


@pytest.mark.parametrize("connection", ["nonsense", "AccountKey=a2V5"])
def test_a_connection_string_without_an_account_is_refused(connection: str) -> None:
    with pytest.raises(Misconfigured, match="IMPASTO_WORK_CONNECTION"):
        fleet_of(connection)


@needs_ray
def test_ray_has_as_many_workers_as_fit_unless_nodes_are_set() -> None:
    nodes = [Node("a", 3), Node("head", 0)]
    assert RayJobs(RaySettings()).most_workers(nodes) == 3
    assert RayJobs(RaySettings()).most_workers([]) == 1
    assert RayJobs(RaySettings(nodes=20)).most_workers(nodes) == 20


def test_an_empty_setting_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPASTO_IDLE_EXIT_SECONDS", "")
    assert ScorerSettings().idle_exit_seconds is None


def test_a_queue_url_that_cant_be_derived_must_be_set() -> None:
    urls = {"media_url": "https://media.example", "work_url": "https://work.example"}
    with pytest.raises(Misconfigured, match="set IMPASTO_WORK_QUEUE_URL"):
        Storage(Settings.model_validate(urls))
    Storage(Settings.model_validate(urls | {"work_queue_url": "https://queues.example"}))
