"""A Ray cluster on this machine's loopback: a head without CPUs, and nodes of one CPU each."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.support.waiting import eventually

# Read when Ray is first imported; the second keeps it on the loopback.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"

#: Bytes of each node's shared memory, which isn't used here.
STORE = 80 << 20
#: A lost node is noticed after ten seconds instead of thirty. With less, nodes on a busy machine
#: would count as lost.
HEALTH_CHECKS = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 1000,
    "health_check_failure_threshold": 10,
}


class LocalRay:
    def __init__(self, nodes: int) -> None:
        from ray.cluster_utils import Cluster

        # Not in pytest's folder, as paths of sockets must be short; not in Ray's, where it stores
        # the address of the cluster that this user runs.
        self._folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
        os.environ["RAY_TMPDIR"] = str(self._folder)
        self._cluster: Any = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 0,
                "object_store_memory": STORE,
                "include_dashboard": True,
                "dashboard_host": "127.0.0.1",
                "dashboard_port": 0,
                "_system_config": HEALTH_CHECKS,
            },
        )
        for _ in range(nodes):
            self._cluster.add_node(wait=False, num_cpus=1, object_store_memory=STORE)
        self._cluster.wait_for_nodes()
        head: Any = self._cluster.head_node
        self.url = f"http://{head.address_info['webui_url']}"
        self._wait_until_it_takes_jobs()

    def _wait_until_it_takes_jobs(self) -> None:
        """The agents that take jobs start after the nodes."""
        from ray.job_submission import JobSubmissionClient

        client = JobSubmissionClient(self.url)

        def taken() -> str | None:
            with suppress(RuntimeError):  # there is no agent yet
                return str(client.submit_job(entrypoint="true"))
            return None

        job = str(eventually(taken, "Ray to take jobs", within=120))
        eventually(lambda: client.get_job_status(job).is_terminal(), "a job to end", within=120)
        client.delete_job(job)

    def lose_one_at_work(self) -> None:
        """Kill all processes of a node that runs a job."""
        from ray.job_submission import JobStatus, JobSubmissionClient

        jobs = JobSubmissionClient(self.url).list_jobs()
        busy = {job.driver_node_id for job in jobs if job.status == JobStatus.RUNNING}
        node = next(node for node in self._cluster.worker_nodes if node.node_id in busy)
        self._cluster.worker_nodes.discard(node)
        node.kill_all_processes(check_alive=False, allow_graceful=False)

    def close(self) -> None:
        self._cluster.shutdown()
        del os.environ["RAY_TMPDIR"]
        shutil.rmtree(self._folder, ignore_errors=True)
