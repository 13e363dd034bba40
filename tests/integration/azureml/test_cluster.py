"""Requests for the cluster of an Azure Machine Learning workspace."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from shared.clusters.azureml.cluster import AzureMLCluster
from shared.clusters.azureml.connection import AzureMLSettings, connect, resource_manager
from shared.errors import ClusterError, Misconfigured
from tests.integration.azureml.conftest import IDENTITY, SUBNET, WHERE, Make
from tests.integration.azureml.fake import WORKSPACE, FakeAzureML

pytestmark = pytest.mark.skipif(
    find_spec("azure.ai.ml") is None, reason="the extra `azureml` isn't installed"
)


def test_the_cluster_is_created_as_configured(make: Make, fake: FakeAzureML) -> None:
    cluster = make(vm_priority="lowpriority", azureml_identity=IDENTITY, azureml_subnet=SUBNET)
    assert cluster.refresh() == []
    assert cluster.nodes == 3
    [asked] = fake.sent("PUT", "/computes/")
    assert asked.path == f"{WORKSPACE}/computes/painters"
    assert asked.body["identity"]["type"] == "UserAssigned"
    assert list(asked.body["identity"]["userAssignedIdentities"]) == [IDENTITY]
    assert asked.body["location"] == "north"
    assert asked.body["properties"]["computeType"] == "AmlCompute"
    properties = asked.body["properties"]["properties"]
    assert properties["vmSize"] == "STANDARD_NC4AS_T4_V3"
    assert properties["vmPriority"] == "LowPriority"
    assert properties["subnet"] == {"id": SUBNET}
    assert properties["scaleSettings"] == {
        "minNodeCount": 0,
        "maxNodeCount": 3,
        "nodeIdleTimeBeforeScaleDown": "PT2M",
    }
    cluster.refresh()
    assert len(fake.sent("PUT", "/computes/")) == 1


def test_the_reason_for_having_no_node_is_read(make: Make, fake: FakeAzureML) -> None:
    cluster = make()
    cluster.refresh()
    assert cluster.why_no_node() is None
    nodes = fake.computes["painters"]["properties"]["properties"]
    error = {"code": "ClusterCoreQuotaReached", "message": "the quota of NC cores is used up"}
    nodes["errors"] = [{"error": error}]
    cluster.refresh()
    assert cluster.why_no_node() == "the quota of NC cores is used up"
    nodes["nodeStateCounts"] = {"runningNodeCount": 1}
    cluster.refresh()
    assert cluster.why_no_node() is None


def test_azure_is_polled_only_every_few_seconds(make: Make, fake: FakeAzureML) -> None:
    cluster = make(azureml_look_seconds=3600)
    cluster.refresh()
    before = len(fake.asked)
    assert cluster.refresh() == []
    assert len(fake.asked) == before
    cluster.start(1)
    assert len(cluster.refresh()) == 1


def test_the_console_manages_the_cluster(fake: FakeAzureML, tmp_path: Path) -> None:
    where = {f"IMPASTO_{name.upper()}": value for name, value in WHERE.items()}

    def impasto(*arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "services.console", "cluster", *arguments, "--json"],
            env=os.environ | where | {"IMPASTO_CLUSTER": "azureml"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    made = impasto("create", "--nodes", "4")["cluster"]
    assert (made["name"], made["maximum"], made["allocation"]) == ("painters", 4, "steady")
    assert impasto("scale", "--nodes", "6")["cluster"]["maximum"] == 6
    assert impasto("show")["jobs"] == []
    assert impasto("delete") == {"deleted": True}
    assert fake.computes == {}


def test_a_cluster_that_a_person_resizes_or_deletes(make: Make, fake: FakeAzureML) -> None:
    cluster = make()
    cluster.refresh()
    person = AzureMLCluster(AzureMLSettings(cluster="azureml", **WHERE))
    person.scale(1, 5)
    cluster.refresh()
    assert cluster.nodes == 5
    person.delete()
    assert person.state() is None
    cluster.refresh()
    assert cluster.nodes == 3
    person.close()


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"worker_image": None}, "needs IMPASTO_WORKER_IMAGE as well"),
        ({"subscription": ""}, "needs IMPASTO_SUBSCRIPTION as well"),
        ({"work_url": None}, "set IMPASTO_WORK_URL"),
        (
            {"work_url": None, "media_url": None, "work_connection": SecretStr("secret")},
            "set IMPASTO_MEDIA_URL and IMPASTO_WORK_URL",
        ),
    ],
)
def test_a_missing_setting_is_named(make: Make, changes: dict[str, Any], missing: str) -> None:
    with pytest.raises(Misconfigured, match=missing):
        make(**changes)


def test_a_refusal_is_a_cluster_error(make: Make) -> None:
    with pytest.raises(ClusterError, match=r"refused: \(ResourceNotFound\) there is nothing there"):
        make(workspace="elsewhere").refresh()


def test_no_answer_is_a_cluster_error(make: Make) -> None:
    with pytest.raises(ClusterError, match="Azure Machine Learning doesn't answer"):
        make(azureml_url="http://127.0.0.1:9").refresh()


@pytest.mark.parametrize(
    ("authority", "expected"),
    [
        ("", "https://management.azure.com"),
        ("login.microsoftonline.us", "https://management.usgovcloudapi.net"),
        ("https://login.chinacloudapi.cn/", "https://management.chinacloudapi.cn"),
    ],
)
def test_other_clouds_have_endpoints_of_their_own(
    monkeypatch: pytest.MonkeyPatch, authority: str, expected: str
) -> None:
    monkeypatch.delenv("IMPASTO_AZUREML_URL", raising=False)
    monkeypatch.setenv(
        "AZUREML_CURRENT_CLOUD", "AzureCloud"
    )  # the SDK sets it to the cloud of the last client
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", authority)
    settings = AzureMLSettings(cluster="azureml", **WHERE)
    assert resource_manager(settings) == expected
    assert connect(settings)._base_url == expected
    assert resource_manager(AzureMLSettings(azureml_url="http://here", **WHERE)) == "http://here"
