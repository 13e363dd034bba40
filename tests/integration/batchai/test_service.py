"""What holds for the local Batch AI as a whole: who is let in, what is refused, what is kept."""

import json
import os
import signal
import stat
from collections.abc import Iterable
from http.client import HTTPConnection
from typing import Any

import pytest
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.mgmt.batchai import models

from tests.integration.batchai.conftest import EXPERIMENT, GROUP, WORKSPACE, Server, job, running
from tests.support.waiting import eventually

ALL = (GROUP, WORKSPACE, EXPERIMENT)
BASE = f"/subscriptions/sub/resourceGroups/{GROUP}/providers/Microsoft.BatchAI/workspaces"


def ask(
    server: Server, method: str, path: str, body: str = "", token: str | None = None
) -> tuple[int, Any]:
    """Without the SDK, which would not ask like this."""
    connection = HTTPConnection(server.access.host, server.access.port, timeout=10)
    token = server.access.token() if token is None else token
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text else None


def test_nobody_gets_in_without_the_token(server: Server) -> None:
    path = f"{BASE}?api-version=2018-05-01"
    for token in ("", "guess"):
        status, body = ask(server, "GET", path, token=token)
        assert (status, body["error"]["code"]) == (401, "AuthenticationFailed")
    assert ask(server, "GET", path) == (200, {"value": []})
    assert ask(server, "GET", "/identity/token?resource=x")[0] == 401


def test_a_secret_that_it_is_told_lets_in_who_shows_it(server: Server) -> None:
    before = server.access
    server.restart(signal.SIGTERM, IMPASTO_BATCHAI_SECRET="told")
    assert server.access.identity_header == "told" != before.identity_header
    assert server.access.answers()
    assert not before.model_copy(update={"port": server.access.port}).answers()


def test_what_is_secret_is_for_its_owner_alone(server: Server) -> None:
    for name in ("access.json", "records.sqlite"):
        assert stat.S_IMODE((server.folder / name).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", f"{BASE}/none?api-version=2018-05-01", "", 404, "WorkspaceNotFound"),
        ("PUT", f"{BASE}/a%20b?api-version=2018-05-01", "{}", 400, "InvalidResourceName"),
        ("PUT", f"{BASE}/{'a' * 65}?api-version=2018-05-01", "{}", 400, "InvalidResourceName"),
        ("PUT", f"{BASE}/a?api-version=2018-05-01", "{}", 400, "InvalidRequestContent"),
        ("PUT", f"{BASE}/a?api-version=2018-05-01", "[", 400, "InvalidRequestContent"),
        ("PUT", f"{BASE}/a/clusters/c?api-version=2018-05-01", "{}", 404, "WorkspaceNotFound"),
        ("GET", f"{BASE}?api-version=2016-01-01", "", 400, "InvalidApiVersionParameter"),
        ("GET", f"{BASE}?maxresults=0&api-version=2018-05-01", "", 400, None),
        ("POST", f"{BASE}?api-version=2018-05-01", "", 404, "ResourceNotFound"),
    ],
)
def test_errors_on_the_wire(
    server: Server, method: str, path: str, body: str, status: int, code: str | None
) -> None:
    answered, error = ask(server, method, path, body)
    assert answered == status
    assert code in (None, error["error"]["code"])
    assert error["error"]["message"]


def test_errors_as_the_sdk_raises_them(server: Server) -> None:
    server.furnish()
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
def test_a_cluster_that_makes_no_sense(server: Server, properties: str, code: str) -> None:
    server.furnish()
    path = f"{BASE}/{WORKSPACE}/clusters/odd?api-version=2018-05-01"
    status, error = ask(server, "PUT", path, f'{{"properties": {properties}}}')
    assert (status, error["error"]["code"]) == (400, code)


def test_workspaces_and_experiments(server: Server) -> None:
    server.furnish()
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


def test_a_killed_server_finds_what_went_on_and_what_ended_without_it(server: Server) -> None:
    server.furnish()
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


def test_a_job_whose_guard_was_killed_is_ended(server: Server) -> None:
    server.furnish()
    server.submit("alone", "echo $$; sleep 1000")
    eventually(lambda: server.output("alone"), "it to run")
    [guard] = server.folder.glob("runs/*/agent")
    os.kill(int(guard.read_text()), signal.SIGKILL)
    [error] = server.wait_for("alone", "failed").execution_info.errors
    assert error.code == "NodeLost"
    assert not running(int(server.output("alone")))


def test_told_to_stop_it_ends_its_jobs_first(server: Server) -> None:
    server.furnish()
    for name, code in (("polite", 0), ("late", 3)):
        server.submit(name, f"trap 'echo bye; exit {code}' TERM; echo hi; sleep 1000 & wait")
    eventually(lambda: server.output("polite") and server.output("late"), "them to run")
    server.restart(signal.SIGTERM)
    [error] = server.job("late").execution_info.errors
    assert error.message == "the job was terminated: the service was stopped"
    assert server.job("polite").execution_state == "succeeded"
    assert server.output("polite") == server.output("late") == "hi\nbye\n"
    assert server.cluster().current_node_count == 0


def test_the_same_token_and_port_after_a_restart(server: Server) -> None:
    before = server.access
    server.restart(signal.SIGTERM)
    assert server.access == before


def names(listed: Iterable[Any]) -> list[str]:
    return [each.name for each in listed]


def pids(server: Server) -> set[str]:
    return {path.read_text() for path in server.folder.glob("runs/*/pid")}
