"""Nodes of clusters on the local Batch AI: how they are allocated, released and lost."""

import signal
from typing import Any

import pytest
from azure.core.pipeline.transport import HttpRequest
from azure.mgmt.batchai import models

from shared.clusters.batchai.client import autoscale
from tests.integration.batchai.conftest import CLUSTER, EXPERIMENT, GROUP, WORKSPACE, LocalBatchAI
from tests.support.waiting import eventually

FLAG = 'while [ ! -e "$AZ_BATCHAI_MOUNT_ROOT/go" ]; do sleep 0.05; done'


def counts(server: LocalBatchAI) -> tuple[int, int, int]:
    cluster = server.cluster()
    states = cluster.node_state_counts
    return cluster.current_node_count, states.running_node_count, states.unusable_node_count


def size(server: LocalBatchAI, nodes: int) -> None:
    eventually(lambda: counts(server)[0] == nodes, f"{nodes} nodes")


def test_nodes_are_allocated_for_jobs_and_released_after_them(server: LocalBatchAI) -> None:
    server.create_cluster(maximum=2)
    assert counts(server) == (0, 0, 0)
    for name in ("a", "b", "c"):
        server.submit(name, FLAG)
    eventually(lambda: counts(server) == (2, 2, 0), "two nodes at work")
    assert server.job("c").execution_state == "queued"
    (server.folder / "mounts" / "go").touch()
    for name in ("a", "b", "c"):
        server.wait_for(name, "succeeded")
    size(server, 0)
    assert server.cluster().allocation_state == "steady"


def test_jobs_wait_while_a_node_is_allocated(server: LocalBatchAI) -> None:
    server.restart(signal.SIGTERM, IMPASTO_ALLOCATION_SECONDS="1")
    server.create_cluster()
    made: Any = server.submit("waits", "true")
    assert made.execution_state == "queued"
    cluster = server.cluster()
    assert cluster.allocation_state == "resizing"
    assert cluster.node_state_counts.preparing_node_count == 1
    server.wait_for("waits", "succeeded")


def test_the_minimum_of_nodes_stays(server: LocalBatchAI) -> None:
    server.create_cluster(minimum=1, maximum=2)
    size(server, 1)
    server.submit("a", FLAG)
    server.submit("b", FLAG)
    size(server, 2)
    (server.folder / "mounts" / "go").touch()
    size(server, 1)


def test_a_cluster_can_be_scaled_manually(server: LocalBatchAI) -> None:
    server.create_cluster()
    manual = models.ScaleSettings(
        manual=models.ManualScaleSettings(
            target_node_count=3, node_deallocation_option="waitforjobcompletion"
        )
    )
    change = models.ClusterUpdateParameters(scale_settings=manual)
    server.client.clusters.update(GROUP, WORKSPACE, CLUSTER, change)
    size(server, 3)
    change = models.ClusterUpdateParameters(scale_settings=autoscale(0, 1))
    server.client.clusters.update(GROUP, WORKSPACE, CLUSTER, change)
    size(server, 0)


@pytest.mark.parametrize(
    ("option", "state"),
    [("requeue", "queued"), ("terminate", "failed"), ("waitforjobcompletion", "succeeded")],
)
def test_releasing_a_node_does_with_its_job_as_the_option_says(
    server: LocalBatchAI, option: str, state: str
) -> None:
    server.create_cluster()
    server.submit("job", FLAG)
    server.wait_for("job", "running")
    manual = models.ManualScaleSettings(target_node_count=0, node_deallocation_option=option)
    change = models.ClusterUpdateParameters(scale_settings=models.ScaleSettings(manual=manual))
    server.client.clusters.update(GROUP, WORKSPACE, CLUSTER, change)
    if state == "succeeded":
        assert server.cluster().node_state_counts.leaving_node_count == 1
        (server.folder / "mounts" / "go").touch()
    job = server.wait_for("job", state)
    assert (job.execution_info.start_time is None) == (state == "queued")
    size(server, 0)


def test_the_quota_limits_initial_nodes(server: LocalBatchAI) -> None:
    server.restart(signal.SIGTERM, IMPASTO_NODE_QUOTA="3")
    server.create_cluster(minimum=1)
    auto = models.AutoScaleSettings(
        minimum_node_count=0, maximum_node_count=1_000_000, initial_node_count=1_000_000
    )
    wanted = models.ClusterCreateParameters(
        vm_size="S", scale_settings=models.ScaleSettings(auto_scale=auto)
    )
    made: Any = server.client.clusters.begin_create(GROUP, WORKSPACE, "greedy", wanted).result()
    assert made.current_node_count <= 2


def test_a_job_on_a_failed_node_runs_again_on_another(server: LocalBatchAI) -> None:
    server.create_cluster(maximum=2)
    server.submit("job", f"echo begun >> $AZ_BATCHAI_MOUNT_ROOT/runs; {FLAG}")
    runs = server.folder / "mounts" / "runs"
    eventually(runs.exists, "its first run")
    fail_node(server, "job")
    eventually(lambda: runs.read_text().count("begun") == 2, "its second run")
    errors = server.cluster().errors or []
    assert [error.message for error in errors] in ([], ["node-1 failed while it ran a job"])
    assert '"event": "node failed"' in server.log()
    (server.folder / "mounts" / "go").touch()
    server.wait_for("job", "succeeded")
    size(server, 0)


def fail_node(server: LocalBatchAI, job: str) -> None:
    path = (
        f"/subscriptions/sub/resourceGroups/{GROUP}/providers/Microsoft.BatchAI"
        f"/workspaces/{WORKSPACE}/experiments/{EXPERIMENT}/jobs/{job}/failNode"
    )
    url = f"{server.access.url}{path}?api-version=2018-05-01"
    answer = server.client._send_request(HttpRequest("POST", url))
    assert answer.status_code == 200


def test_deleting_a_cluster_terminates_its_jobs(server: LocalBatchAI) -> None:
    server.create_cluster()
    server.submit("job", "sleep 1000")
    server.wait_for("job", "running")
    server.client.clusters.begin_delete(GROUP, WORKSPACE, CLUSTER).result()
    assert list(server.client.clusters.list_by_workspace(GROUP, WORKSPACE)) == []
    [error] = server.wait_for("job", "failed").execution_info.errors
    assert error.message == "the job was terminated: its cluster was deleted"
