"""The local Batch AI survives invalid requests and damaged records."""

import json
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.batchai.properties import ClusterProperties, JobProperties
from services.batchai.resources import BatchCluster, BatchJob, Workspace
from services.batchai.service import BatchAI
from services.batchai.settings import ServerSettings
from tests.integration.batchai.conftest import CLUSTER, EXPERIMENT, GROUP, WORKSPACE, LocalBatchAI

BASE = (
    f"/subscriptions/sub/resourceGroups/{GROUP}/providers/Microsoft.BatchAI/workspaces/{WORKSPACE}"
)
JOBS = f"{BASE}/experiments/{EXPERIMENT}/jobs"
HALF = "half a \\ud800 surrogate"


def properties(**changed: Any) -> dict[str, Any]:
    return {
        "cluster": {"id": f"{BASE}/clusters/{CLUSTER}"},
        "nodeCount": 1,
        "customToolkitSettings": {"commandLine": "echo $$; sleep 1000"},
        "stdOutErrPathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/logs",
        **changed,
    }


def variable(name: str, value: str) -> dict[str, Any]:
    return {"environmentVariables": [{"name": name, "value": value}]}


def inputs(name: str, path: str = "/in") -> dict[str, Any]:
    return {"inputDirectories": [{"id": name, "path": path}]}


def outputs(name: str, prefix: str, suffix: str = "x") -> dict[str, Any]:
    return {"outputDirectories": [{"id": name, "pathPrefix": prefix, "pathSuffix": suffix}]}


ROOTED = "$AZ_BATCHAI_MOUNT_ROOT"
#: Jobs that this machine can't start: refused, and failed if an earlier version stored them.
UNSTARTABLE = {
    "a name with =": variable("A=B", "c"),
    "a name with NUL": variable("A\0B", "c"),
    "a value with NUL": variable("A", "b\0c"),
    "a value of 200 kB": variable("A", "x" * 200_000),
    "a secret of 200 kB": {"secrets": [{"name": "A", "value": "x" * 200_000}]},
    "an input's id with =": inputs("A=B"),
    "an input's id with NUL": inputs("A\0B"),
    "an input's id of 200 kB": inputs("A" * 200_000),
    "an input's path that grows": inputs("A", f"{ROOTED}/" * 20_000),
    "an output's id with =": outputs("A=B", ROOTED),
    "an output's path with NUL": outputs("A", ROOTED, "a\0b"),
    "an output's name of 300": outputs("A", ROOTED, "x" * 300),
    "a log path with NUL": {"stdOutErrPathPrefix": f"{ROOTED}/a\0b"},
    "a log path's name of 300": {"stdOutErrPathPrefix": f"{ROOTED}/{'x' * 300}"},
    "a log path of 10,000": {"stdOutErrPathPrefix": f"{ROOTED}{'/abcdefgh' * 1200}"},
    "3,000,000 days": {"constraints": {"maxWallClockTime": "P3000000D"}},
    "no time": {"constraints": {"maxWallClockTime": "PT0S"}},
    "negative time": {"constraints": {"maxWallClockTime": "-P3000000D"}},
    "a command with NUL": {"customToolkitSettings": {"commandLine": "echo \0"}},
    "a command of 200 kB": {"customToolkitSettings": {"commandLine": ":" + " x" * 100_000}},
    "a preparation with NUL": {"jobPreparation": {"commandLine": "echo \0"}},
}
#: Invalid JSON, as text.
INVALID = {
    "half a surrogate": json.dumps(properties(**variable("A", "HALF"))).replace("HALF", HALF),
    "half a surrogate in an unknown field": json.dumps(properties(note="HALF")).replace(
        "HALF", HALF
    ),
    "not a number": json.dumps(properties(note=float("nan"))),
    "a deep nest": json.dumps(properties(note="X")).replace('"X"', "[" * 5000 + "]" * 5000),
    "a number without end": json.dumps(properties(note="X")).replace('"X"', "9" * 5000),
}


@pytest.fixture
def robust(server: LocalBatchAI) -> Iterator[LocalBatchAI]:
    """Checks after the test that the server has logged no error and runs jobs, also restarted."""
    server.create_cluster(maximum=3)
    yield server
    server.submit("good", "echo fine")
    server.wait_for("good", "succeeded")
    server.restart(signal.SIGKILL)
    server.submit("better", "echo fine")
    server.wait_for("better", "succeeded")
    server.stop()
    assert '"level": "error"' not in server.log()
    assert "Traceback" not in server.log()
    assert not list(server.folder.glob("runs/*"))
    server.restart(signal.SIGKILL)


def test_jobs_that_cant_start_are_refused(robust: LocalBatchAI) -> None:
    bodies = {
        what: json.dumps({"properties": properties(**more)}) for what, more in UNSTARTABLE.items()
    }
    bodies |= {what: f'{{"properties": {text}}}' for what, text in INVALID.items()}
    answers = {
        what: robust.request("PUT", f"{JOBS}/hostile-{number}", body)
        for number, (what, body) in enumerate(bodies.items())
    }
    assert {what: status for what, (status, _) in answers.items() if status != 400} == {}
    for _, error in answers.values():
        assert error["error"]["message"]
    assert list(robust.client.jobs.list_by_experiment(GROUP, WORKSPACE, EXPERIMENT)) == []


def test_jobs_that_cant_start_but_were_stored_fail(robust: LocalBatchAI) -> None:
    robust.stop(signal.SIGKILL)
    with sqlite3.connect(robust.folder / "records.sqlite") as file:
        for number, more in enumerate(UNSTARTABLE.values()):
            where = f"{JOBS}/old-{number}"
            record = {
                "id": where,
                "created": "2026-01-01T00:00:00Z",
                "properties": properties(**more),
                "segment": f"old/{number}",
            }
            row = (where, "Job", json.dumps(record))
            file.execute("INSERT INTO records VALUES (?, ?, ?)", row)
    file.close()
    robust.restart(signal.SIGKILL)
    for number, what in enumerate(UNSTARTABLE):
        job = robust.wait_for(f"old-{number}", "failed")
        [error] = job.execution_info.errors
        assert error.code == "JobNotStarted", what
        assert len(error.message) < 500


def test_records_that_cant_be_read_are_logged_and_kept(server: LocalBatchAI) -> None:
    server.create_cluster()
    server.stop(signal.SIGKILL)
    rows = [("/a", "Job", "{}"), ("/b", "Novel", "{}"), ("/c", "Cluster", "not JSON")]
    with sqlite3.connect(server.folder / "records.sqlite") as file:
        file.executemany("INSERT INTO records VALUES (?, ?, ?)", rows)
    file.close()
    server.restart(signal.SIGKILL)
    server.submit("good", "true")
    server.wait_for("good", "succeeded")
    assert server.log().count('"event": "a resource can\'t be read"') == len(rows)
    with sqlite3.connect(server.folder / "records.sqlite") as file:
        kept = file.execute("SELECT id FROM records WHERE id IN ('/a', '/b', '/c')").fetchall()
    file.close()
    assert len(kept) == len(rows)


def test_a_job_fails_if_its_folders_cant_be_created(robust: LocalBatchAI) -> None:
    (robust.folder / "mounts" / "file").touch()
    (robust.folder / "mounts" / "logs").mkdir()
    odd: dict[str, dict[str, Any]] = {
        "logs": {"stdOutErrPathPrefix": f"{ROOTED}/file"},
        "output": outputs("A", f"{ROOTED}/file"),
    }
    for name, more in odd.items():
        body = json.dumps({"properties": properties(**more)})
        assert robust.request("PUT", f"{JOBS}/{name}", body)[0] == 202
        job = robust.wait_for(name, "failed")
        [error] = job.execution_info.errors
        assert error.code == "JobNotStarted"
        assert "Not a directory" in error.message
        assert job.execution_info.start_time is None


def test_a_cluster_with_half_a_surrogate_in_a_field_is_refused(robust: LocalBatchAI) -> None:
    odd = f'{{"properties": {{"vmSize": "S", "subnet": {{"id": "{HALF}"}}}}}}'
    status, error = robust.request("PUT", f"{BASE}/clusters/odd", odd)
    assert (status, error["error"]["code"]) == (400, "InvalidRequestContent")
    assert robust.request("GET", f"{BASE}/clusters/odd")[0] == 404


def test_any_short_text_is_a_workspaces_location(server: LocalBatchAI) -> None:
    workspace = server.create_cluster().rsplit("/", 2)[0]
    for location in ("a\r\nSet-Cookie: b", "Île-de-France", "日本", "a/b?c", "West Europe"):
        path = workspace.replace(WORKSPACE, "odd")
        status, _ = server.request("PUT", path, json.dumps({"location": location}))
        assert status == 200
        assert server.request("DELETE", path)[0] == 202
    assert server.request("PUT", path, json.dumps({"location": "x" * 1000}))[0] == 400


def test_names_of_dots_only_are_refused(server: LocalBatchAI) -> None:
    for name in (".", "..", "..."):
        for path in (
            f"/subscriptions/{name}/resourceGroups/{GROUP}/providers/Microsoft.BatchAI/workspaces",
            f"/subscriptions/sub/resourceGroups/{name}/providers/Microsoft.BatchAI/workspaces",
        ):
            status, error = server.request("PUT", f"{path}/w", '{"location": "here"}')
            assert (status, error["error"]["code"]) == (400, "InvalidResourceName")


def test_invalid_numbers_in_a_query_are_refused(server: LocalBatchAI) -> None:
    server.create_cluster()
    server.submit("job", "true")
    server.wait_for("job", "succeeded")
    endless = "9" * 5000
    for query in (f"&maxresults={endless}", "&maxresults=x", "&skip=-1"):
        assert server.request("GET", JOBS, query=query)[0] == 400, query
    files = f"{JOBS}/job/listOutputFiles"
    for minutes in ("x", "-1", endless):
        query = f"&outputdirectoryid=stdouterr&linkexpiryinminutes={minutes}"
        assert server.request("GET", files, query=query)[0] == 400, query
    link = f"{JOBS}/job/files/stdouterr/stdout.txt"
    assert server.request("GET", link, query=f"&se={endless}&sig=x", token="none")[0] == 401


def test_records_that_cant_be_written_are_written_later(tmp_path: Path) -> None:
    settings = ServerSettings(batchai_folder=tmp_path)
    service = BatchAI(settings)
    one_node = {"vmSize": "S", "scaleSettings": {"manual": {"targetNodeCount": 1}}}
    cluster = BatchCluster(id="/clusters/c", properties=ClusterProperties.model_validate(one_node))
    wanted = JobProperties.model_validate(properties(cluster={"id": cluster.id}))
    job = BatchJob(id="/jobs/j", properties=wanted, segment="s")
    service.store.add(cluster)
    service.store.add(job)
    file = service.store._file
    file.execute("PRAGMA query_only = ON")
    with pytest.raises(sqlite3.Error):
        service.store.add(Workspace(id="/w", location="here"))
    for _ in range(3):
        service.advance()
    assert (job.state, job.run, job.started) == ("failed", None, None)
    [error] = job.errors
    assert error["code"] == "JobNotStarted"
    assert "readonly database" in error["message"]
    assert list((tmp_path / "runs").iterdir()) == []
    file.execute("PRAGMA query_only = OFF")
    service.advance()
    service.store.close()
    again = BatchAI(settings)
    kept = again.store.find(BatchJob, job.id)
    assert kept and kept.state == "failed"
    assert again.store.find(Workspace, "/w") is None
    again.store.close()
