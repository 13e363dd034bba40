"""What a client may send, or leave on disk, must not end the local Batch AI."""

import json
import signal
import sqlite3
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from services.batchai.properties import ClusterProperties, JobProperties
from services.batchai.resources import BatchCluster, BatchJob, Workspace
from services.batchai.service import BatchAI
from services.batchai.settings import ServerSettings
from shared.clusters.batchai.access import Access
from tests.integration.batchai.conftest import CLUSTER, EXPERIMENT, GROUP, WORKSPACE, Server

BASE = (
    f"/subscriptions/sub/resourceGroups/{GROUP}/providers/Microsoft.BatchAI/workspaces/{WORKSPACE}"
)
JOBS = f"{BASE}/experiments/{EXPERIMENT}/jobs"
VERSION = "?api-version=2018-05-01"
HALF = "half a \\ud800 surrogate"


def asked(
    access: Access,
    method: str,
    path: str,
    body: str = "",
    query: str = "",
    token: str | None = None,
) -> tuple[int, Any]:
    """Without the SDK, which would not ask like this."""
    connection = HTTPConnection(access.host, access.port, timeout=60)
    headers = {"Authorization": f"Bearer {token or access.token()}"}
    connection.request(method, path + VERSION + query, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text else None


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
#: Refused when asked for; of those left on disk by an earlier version, the job fails.
NEVER = {
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
    "no time at all": {"constraints": {"maxWallClockTime": "PT0S"}},
    "time before it began": {"constraints": {"maxWallClockTime": "-P3000000D"}},
    "a command with NUL": {"customToolkitSettings": {"commandLine": "echo \0"}},
    "a command of 200 kB": {"customToolkitSettings": {"commandLine": ":" + " x" * 100_000}},
    "a preparation with NUL": {"jobPreparation": {"commandLine": "echo \0"}},
}
#: As text, since no JSON library would write them.
REFUSED = {
    "half a surrogate": json.dumps(properties(**variable("A", "HALF"))).replace("HALF", HALF),
    "half a surrogate where nobody reads": json.dumps(properties(note="HALF")).replace(
        "HALF", HALF
    ),
    "not a number": json.dumps(properties(note=float("nan"))),
    "a deep nest": json.dumps(properties(note="X")).replace('"X"', "[" * 5000 + "]" * 5000),
    "a number without end": json.dumps(properties(note="X")).replace('"X"', "9" * 5000),
}


@pytest.fixture
def furnished(server: Server) -> Iterator[Server]:
    """It must still be there afterwards, and run a job, also when it was killed meanwhile."""
    server.furnish(maximum=3)
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


def test_jobs_that_could_never_start_are_refused(furnished: Server) -> None:
    bodies = {what: json.dumps({"properties": properties(**more)}) for what, more in NEVER.items()}
    bodies |= {what: f'{{"properties": {text}}}' for what, text in REFUSED.items()}
    answers = {
        what: asked(furnished.access, "PUT", f"{JOBS}/hostile-{number}", body)
        for number, (what, body) in enumerate(bodies.items())
    }
    assert {what: status for what, (status, _) in answers.items() if status != 400} == {}
    for _, error in answers.values():
        assert error["error"]["message"]
    assert list(furnished.client.jobs.list_by_experiment(GROUP, WORKSPACE, EXPERIMENT)) == []


def test_such_jobs_left_on_disk_by_an_earlier_version_fail(furnished: Server) -> None:
    furnished.stop(signal.SIGKILL)
    with sqlite3.connect(furnished.folder / "records.sqlite") as file:
        for number, more in enumerate(NEVER.values()):
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
    furnished.restart(signal.SIGKILL)
    for number, what in enumerate(NEVER):
        job = furnished.wait_for(f"old-{number}", "failed")
        [error] = job.execution_info.errors
        assert error.code == "JobNotStarted", what
        assert len(error.message) < 500


def test_a_record_that_nothing_can_read_is_left_alone(server: Server) -> None:
    server.furnish()
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


def test_places_that_cant_be_made_fail_the_job(furnished: Server) -> None:
    (furnished.folder / "mounts" / "file").touch()
    (furnished.folder / "mounts" / "logs").mkdir()
    odd: dict[str, dict[str, Any]] = {
        "logs": {"stdOutErrPathPrefix": f"{ROOTED}/file"},
        "output": outputs("A", f"{ROOTED}/file"),
    }
    for name, more in odd.items():
        body = json.dumps({"properties": properties(**more)})
        assert asked(furnished.access, "PUT", f"{JOBS}/{name}", body)[0] == 202
        job = furnished.wait_for(name, "failed")
        [error] = job.execution_info.errors
        assert error.code == "JobNotStarted"
        assert "Not a directory" in error.message
        assert job.execution_info.start_time is None


def test_a_cluster_with_half_a_surrogate_in_its_subnet(furnished: Server) -> None:
    odd = f'{{"properties": {{"vmSize": "S", "subnet": {{"id": "{HALF}"}}}}}}'
    status, error = asked(furnished.access, "PUT", f"{BASE}/clusters/odd", odd)
    assert (status, error["error"]["code"]) == (400, "InvalidRequestContent")
    assert asked(furnished.access, "GET", f"{BASE}/clusters/odd")[0] == 404


def test_a_workspace_in_an_odd_place(server: Server) -> None:
    place = server.furnish().rsplit("/", 2)[0]
    for location in ("a\r\nSet-Cookie: b", "Île-de-France", "日本", "a/b?c", "West Europe"):
        path = place.replace(WORKSPACE, "odd")
        status, _ = asked(server.access, "PUT", path, json.dumps({"location": location}))
        assert status == 200
        assert asked(server.access, "DELETE", path)[0] == 202
    assert asked(server.access, "PUT", path, json.dumps({"location": "x" * 1000}))[0] == 400


def test_names_of_dots_only_are_refused(server: Server) -> None:
    for name in (".", "..", "..."):
        for path in (
            f"/subscriptions/{name}/resourceGroups/{GROUP}/providers/Microsoft.BatchAI/workspaces",
            f"/subscriptions/sub/resourceGroups/{name}/providers/Microsoft.BatchAI/workspaces",
        ):
            status, error = asked(server.access, "PUT", f"{path}/w", '{"location": "here"}')
            assert (status, error["error"]["code"]) == (400, "InvalidResourceName")


def test_odd_numbers_in_a_query(server: Server) -> None:
    server.furnish()
    server.submit("job", "true")
    server.wait_for("job", "succeeded")
    endless = "9" * 5000
    for query in (f"&maxresults={endless}", "&maxresults=x", "&skip=-1"):
        assert asked(server.access, "GET", JOBS, query=query)[0] == 400, query
    files = f"{JOBS}/job/listOutputFiles"
    for minutes in ("x", "-1", endless):
        query = f"&outputdirectoryid=stdouterr&linkexpiryinminutes={minutes}"
        assert asked(server.access, "GET", files, query=query)[0] == 400, query
    link = f"{JOBS}/job/files/stdouterr/stdout.txt"
    assert asked(server.access, "GET", link, query=f"&se={endless}&sig=x", token="none")[0] == 401


def test_records_that_cant_be_written_end_nothing_and_are_written_later(tmp_path: Path) -> None:
    settings = ServerSettings(batchai_folder=tmp_path)
    service = BatchAI(settings)
    one_node = {"vmSize": "S", "scaleSettings": {"manual": {"targetNodeCount": 1}}}
    cluster = BatchCluster(id="/clusters/c", properties=ClusterProperties.model_validate(one_node))
    told = JobProperties.model_validate(properties(cluster={"id": cluster.id}))
    job = BatchJob(id="/jobs/j", properties=told, segment="s")
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
