"""The local Batch AI as a whole: authentication, errors, restarts."""

import signal
import stat
from collections.abc import Iterable
from typing import Any

import pytest
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.mgmt.batchai import models

from tests.integration.batchai.conftest import (
    ALL,
    EXPERIMENT,
    GROUP,
    LOOP,
    WORKSPACE,
    LocalBatchAI,
    job,
)
from tests.support.waiting import eventually

BASE = f"/subscriptions/sub/resourceGroups/{GROUP}/providers/Microsoft.BatchAI/workspaces"


def test_requests_without_a_valid_token_are_refused(server: LocalBatchAI) -> None:
    for token in ("", "guess"):
        status, body = server.request("GET", BASE, token=token)
        assert (status, body["error"]["code"]) == (401, "AuthenticationFailed")
    assert server.request("GET", BASE) == (200, {"value": []})
    assert server.request("GET", "/identity/token")[0] == 401


def test_a_configured_secret_replaces_the_generated_one(server: LocalBatchAI) -> None:
    before = server.access
    server.restart(signal.SIGTERM, IMPASTO_BATCHAI_SECRET="configured")
    assert server.access.identity_header == "configured" != before.identity_header
    assert server.access.answers()
    assert not before.model_copy(update={"port": server.access.port}).answers()


def test_files_with_secrets_are_readable_by_their_owner_only(server: LocalBatchAI) -> None:
    for name in ("access.json", "records.sqlite"):
        assert stat.S_IMODE((server.folder / name).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", f"{BASE}/none", "", 404, "WorkspaceNotFound"),
        ("PUT", f"{BASE}/a%20b", "{}", 400, "InvalidResourceName"),
        ("PUT", f"{BASE}/{'a' * 65}", "{}", 400, "InvalidResourceName"),
        ("PUT", f"{BASE}/a", "{}", 400, "InvalidRequestContent"),
        ("PUT", f"{BASE}/a", "[", 400, "InvalidRequestContent"),
        ("PUT", f"{BASE}/a/clusters/c", "{}", 404, "WorkspaceNotFound"),
        ("GET", f"{BASE}?api-version=2016-01-01", "", 400, "InvalidApiVersionParameter"),
        ("GET", f"{BASE}?maxresults=0", "", 400, None),
        ("POST", f"{BASE}", "", 404, "ResourceNotFound"),
    ],
)
def test_invalid_requests_get_a_status_and_a_code(
    server: LocalBatchAI, method: str, path: str, body: str, status: int, code: str | None
) -> None:
    path, _, query = path.partition("?")
    answered, error = server.request(method, path, body, f"&{query}")
    assert answered == status
    assert code in (None, error["error"]["code"])
    assert error["error"]["message"]


def test_the_sdk_raises_its_own_errors(server: LocalBatchAI) -> None:
    server.create_cluster()
    with pytest.raises(ResourceNotFoundError) as missing:
        server.client.jobs.get(*ALL, "none")
    assert missing.value.error and missing.value.error.code == "JobNotFound"
    server.submit("twin", "true")
    with pytest.raises(ResourceExistsError):
        server.submit("twin", "true")
    wrong = models.JobCreateParameters(
        cluster=models.ResourceId(id="/nowhere"),
        node_count=1,
        custom_toolkit_settings=models.CustomToolkitSettings(command_line="true"),
        std_out_err_path_prefix="/x",
    )
    with pytest.raises(ResourceNotFoundError):
        server.client.jobs.begin_create(*ALL, "lost", wrong)
    astray = job(server.client, "true")
    astray.std_out_err_path_prefix = "$AZ_BATCHAI_MOUNT_ROOT/../.."
    with pytest.raises(HttpResponseError, match="isn't under"):
        server.client.jobs.begin_create(*ALL, "astray", astray)


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ("null", "InvalidRequestContent"),
        ("{}", "InvalidRequestContent"),
        ('{"vmSize": "S", "scaleSettings": {}}', "InvalidRequestContent"),
        ('{"vmSize": "S", "nodeSetup": {"setupTask": {"commandLine": "x"}}}', "NotSupported"),
    ],
)
def test_an_invalid_cluster_is_refused(server: LocalBatchAI, properties: str, code: str) -> None:
    server.create_cluster()
    path = f"{BASE}/{WORKSPACE}/clusters/odd"
    status, error = server.request("PUT", path, f'{{"properties": {properties}}}')
    assert (status, error["error"]["code"]) == (400, code)


def test_workspaces_and_experiments_are_listed_changed_and_deleted(server: LocalBatchAI) -> None:
    server.create_cluster()
    client = server.client
    assert names(client.workspaces.list()) == [WORKSPACE]
    assert names(client.workspaces.list_by_resource_group(GROUP)) == [WORKSPACE]
    assert names(client.workspaces.list_by_resource_group("other")) == []
    assert names(client.experiments.list_by_workspace(GROUP, WORKSPACE)) == [EXPERIMENT]
    tagged: Any = client.workspaces.update(
        GROUP, WORKSPACE, models.WorkspaceUpdateParameters(tags={"for": "art"})
    )
    assert tagged.tags == {"for": "art"}
    usages: Any = client.usages.list("here")
    assert {usage.name.value: usage.current_value for usage in usages}["Clusters"] == 1
    server.submit("job", "sleep 1000")
    client.workspaces.begin_delete(GROUP, WORKSPACE).result()
    assert names(client.workspaces.list()) == []
    client.workspaces.begin_delete(GROUP, WORKSPACE).result()


def test_a_restarted_server_finds_jobs_that_run_and_jobs_that_ended(server: LocalBatchAI) -> None:
    server.create_cluster()
    mounts = server.folder / "mounts"
    wait = 'while [ ! -e "$AZ_BATCHAI_MOUNT_ROOT/%s" ]; do sleep 0.05; done; echo ok'
    server.submit("ends", wait % "now")
    server.submit("lasts", wait % "later")
    server.wait_for("lasts", "running")
    eventually(lambda: len(pids(server)) == 2, "both to run")
    before = pids(server)
    server.stop(signal.SIGKILL)
    (mounts / "now").touch()
    eventually(lambda: any(server.folder.glob("runs/*/ending.json")), "one to end meanwhile")
    server.restart(signal.SIGKILL)
    server.wait_for("ends", "succeeded")
    assert server.job("lasts").execution_state == "running"
    assert pids(server) < before
    (mounts / "later").touch()
    assert server.wait_for("lasts", "succeeded").execution_info.exit_code == 0
    assert server.output("lasts") == "ok\n"


def test_a_server_that_is_stopped_ends_its_jobs_first(server: LocalBatchAI) -> None:
    server.create_cluster()
    for name, code in (("polite", 0), ("late", 3)):
        server.submit(name, f"trap 'echo bye; exit {code}' TERM; echo hi; {LOOP}")
    eventually(lambda: server.output("polite") and server.output("late"), "them to run")
    server.restart(signal.SIGTERM)
    [error] = server.job("late").execution_info.errors
    assert error.message == "the job was terminated: the service was stopped"
    assert server.job("polite").execution_state == "succeeded"
    assert server.output("polite") == server.output("late") == "hi\nbye\n"
    assert server.cluster().current_node_count == 0


def names(listed: Iterable[Any]) -> list[str]:
    return [each.name for each in listed]


def pids(server: LocalBatchAI) -> set[str]:
    return {path.read_text() for path in server.folder.glob("runs/*/pid")}
