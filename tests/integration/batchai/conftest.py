"""The local Batch AI as a process, with the SDK's client of it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from azure.mgmt.batchai import BatchAI, models

from shared.clusters.batchai.access import Access
from shared.clusters.batchai.client import autoscale
from shared.clusters.batchai.connection import BatchAISettings, connect
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[3]
GROUP, WORKSPACE, EXPERIMENT, CLUSTER = "art", "studio", "week-1", "nodes"
#: Where jobs are.
ALL = (GROUP, WORKSPACE, EXPERIMENT)
#: Waits for a signal; `wait` could return before it comes, as all of a job's processes get it.
LOOP = "while true; do sleep 0.05; done"
#: The SDK's type hints say None for fields that only the service sets.
Model = Any
SETTINGS = {
    "IMPASTO_NODE_IDLE_SECONDS": "0.3",
    "IMPASTO_WORKER_GRACE_SECONDS": "60",
}


class LocalBatchAI:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._monkeypatch = monkeypatch
        self._start()

    def _start(self, **settings: str) -> None:
        own = {"IMPASTO_BATCHAI_FOLDER": str(self.folder)}
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.batchai"],
                env=os.environ | SETTINGS | own | settings,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        eventually(self._answers, "the server to answer")
        access = Access.read(self.folder)
        assert access
        self.access = access
        for name, value in self.access.environment().items():
            self._monkeypatch.setenv(name, value)
        self.client: BatchAI = connect(BatchAISettings(subscription="sub", poll_seconds=0.05))

    def _answers(self) -> bool:
        assert self._process.poll() is None, self.log()
        access = Access.read(self.folder)
        return access is not None and access.answers()

    def log(self) -> str:
        return (self.folder.parent / f"{self.folder.name}.log").read_text()

    def restart(self, how: signal.Signals, **settings: str) -> None:
        self.stop(how)
        self._start(**settings)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.client.close()
        self._process.send_signal(how)
        self._process.wait(30)

    def create_cluster(self, maximum: int = 2, minimum: int = 0) -> str:
        """Also creates its workspace and an experiment; returns the cluster's id."""
        client = self.client
        workspace = models.WorkspaceCreateParameters(location="here")
        client.workspaces.begin_create(GROUP, WORKSPACE, workspace).result()
        client.experiments.begin_create(GROUP, WORKSPACE, EXPERIMENT).result()
        wanted = models.ClusterCreateParameters(
            vm_size="STANDARD_NC6", scale_settings=autoscale(minimum, maximum)
        )
        made: Any = client.clusters.begin_create(GROUP, WORKSPACE, CLUSTER, wanted).result()
        return str(made.id)

    def request(
        self, method: str, path: str, body: str = "", query: str = "", token: str | None = None
    ) -> tuple[int, Any]:
        """Without the SDK, which sends no invalid requests; the status and the body."""
        connection = HTTPConnection(self.access.host, self.access.port, timeout=60)
        token = self.access.token() if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{path}?api-version=2018-05-01{query}"
        connection.request(method, url, body, headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, json.loads(text) if text else None

    def submit(self, name: str, command: str, **more: Any) -> Model:
        return self.client.jobs.begin_create(
            GROUP, WORKSPACE, EXPERIMENT, name, job(self.client, command, **more)
        ).result()

    def cluster(self) -> Model:
        return self.client.clusters.get(GROUP, WORKSPACE, CLUSTER)

    def job(self, name: str) -> Model:
        return self.client.jobs.get(GROUP, WORKSPACE, EXPERIMENT, name)

    def wait_for(self, name: str, *states: str) -> Model:
        eventually(lambda: self.job(name).execution_state in states, f"{name} to be {states}")
        return self.job(name)

    def output(self, name: str, file: str = "stdout.txt") -> str:
        path = f"mounts/logs/{self.job(name).job_output_directory_path_segment}/stdouterr/{file}"
        whole = self.folder / path
        return whole.read_text() if whole.exists() else ""


def job(client: BatchAI, command: str, **more: Any) -> "models.JobCreateParameters":
    cluster: Any = client.clusters.get(GROUP, WORKSPACE, CLUSTER)
    return models.JobCreateParameters(
        cluster=models.ResourceId(id=cluster.id),
        node_count=1,
        custom_toolkit_settings=models.CustomToolkitSettings(command_line=command),
        std_out_err_path_prefix="$AZ_BATCHAI_MOUNT_ROOT/logs",
        **more,
    )


def running(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalBatchAI]:
    server = LocalBatchAI(tmp_path / "batchai", monkeypatch)
    yield server
    server.stop()
