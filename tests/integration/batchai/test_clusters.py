"""Clusters on the local Batch AI: they grow with what there is to do, and shrink after it."""

import signal
from typing import Any

import pytest
from azure.core.pipeline.transport import HttpRequest
from azure.mgmt.batchai import models

from shared.clusters.batchai.client import autoscale
from tests.integration.batchai.conftest import CLUSTER, EXPERIMENT, GROUP, WORKSPACE, Server
from tests.support.waiting import eventually

FLAG = 'while [ ! -e "$AZ_BATCHAI_MOUNT_ROOT/go" ]; do sleep 0.05; done'


def counts(server: Server) -> tuple[int, int, int]:
    cluster = server.cluster()
    states = cluster.node_state_counts
    return cluster.current_node_count, states.running_node_count, states.unusable_node_count


def size(server: Server, nodes: int) -> None:
    eventually(lambda: counts(server)[0] == nodes, f"{nodes} nodes")


def test_from_no_nodes_to_as_many_as_it_may_and_back(server: Server) -> None:
    server.furnish(maximum=2)
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


def test_nodes_take_their_time_to_come(server: Server) -> None:
    server.restart(signal.SIGTERM, IMPASTO_ALLOCATION_SECONDS="1")
    server.furnish()
    made: Any = server.submit("waits", "true")
    assert made.execution_state == "queued"
    cluster = server.cluster()
    assert cluster.allocation_state == "resizing"
    assert cluster.node_state_counts.preparing_node_count == 1
    server.wait_for("waits", "succeeded")


def test_the_minimum_stays(server: Server) -> None:
    server.furnish(minimum=1, maximum=2)
    size(server, 1)
    server.submit("a", FLAG)
    server.submit("b", FLAG)
    size(server, 2)
    (server.folder / "mounts" / "go").touch()
    size(server, 1)


def test_scaled_by_hand(server: Server) -> None:
    server.furnish()
    by_hand = models.ScaleSettings(
        manual=models.ManualScaleSettings(
            target_node_count=3, node_deallocation_option="waitforjobcompletion"
        )
    )
    change = models.ClusterUpdateParameters(scale_settings=by_hand)
    server.client.clusters.update(GROUP, WORKSPACE, CLUSTER, change)
    size(server, 3)
    change = models.ClusterUpdateParameters(scale_settings=autoscale(0, 1))
    server.client.clusters.update(GROUP, WORKSPACE, CLUSTER, change)
    size(server, 0)


@pytest.mark.parametrize(
    ("option", "state"),
    [("requeue", "queued"), ("terminate", "failed"), ("waitforjobcompletion", "succeeded")],
)
def test_a_node_taken_from_under_its_job(server: Server, option: str, state: str) -> None:
    server.furnish()
    server.submit("job", FLAG)
    server.wait_for("job", "running")
    by_hand = models.ManualScaleSettings(target_node_count=0, node_deallocation_option=option)
    change = models.ClusterUpdateParameters(scale_settings=models.ScaleSettings(manual=by_hand))
    server.client.clusters.update(GROUP, WORKSPACE, CLUSTER, change)
    if state == "succeeded":
        assert server.cluster().node_state_counts.leaving_node_count == 1
        (server.folder / "mounts" / "go").touch()
    job = server.wait_for("job", state)
    assert (job.execution_info.start_time is None) == (state == "queued")
    size(server, 0)


def test_the_quota_holds_for_initial_nodes_too(server: Server) -> None:
    server.restart(signal.SIGTERM, IMPASTO_NODE_QUOTA="3")
    server.furnish(minimum=1)
    auto = models.AutoScaleSettings(
        minimum_node_count=0, maximum_node_count=1_000_000, initial_node_count=1_000_000
    )
    wanted = models.ClusterCreateParameters(
        vm_size="S", scale_settings=models.ScaleSettings(auto_scale=auto)
    )
    made: Any = server.client.clusters.begin_create(GROUP, WORKSPACE, "greedy", wanted).result()
    assert made.current_node_count <= 2


def test_a_job_on_a_node_that_fails_runs_again_on_another(server: Server) -> None:
    server.furnish(maximum=2)
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


def fail_node(server: Server, job: str) -> None:
    path = (
        f"/subscriptions/sub/resourceGroups/{GROUP}/providers/Microsoft.BatchAI"
        f"/workspaces/{WORKSPACE}/experiments/{EXPERIMENT}/jobs/{job}/failNode"
    )
    url = f"{server.access.url}{path}?api-version=2018-05-01"
    answer = server.client._send_request(HttpRequest("POST", url))
    assert answer.status_code == 200


def test_a_cluster_is_deleted_with_its_jobs_ended(server: Server) -> None:
    server.furnish()
    server.submit("job", "sleep 1000")
    server.wait_for("job", "running")
    server.client.clusters.begin_delete(GROUP, WORKSPACE, CLUSTER).result()
    assert list(server.client.clusters.list_by_workspace(GROUP, WORKSPACE)) == []
    [error] = server.wait_for("job", "failed").execution_info.errors
    assert error.message == "the job was terminated: its cluster was deleted"
