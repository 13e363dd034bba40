"""The local Batch AI looks often what has changed only while something may change by itself."""

from pathlib import Path

from services.batchai.properties import ClusterProperties, JobProperties
from services.batchai.resources import BatchCluster, BatchJob, Experiment, Workspace
from services.batchai.service import BatchAI
from services.batchai.settings import ServerSettings
from tests.support.waiting import eventually

AUTO = {
    "vmSize": "S",
    "scaleSettings": {"autoScale": {"minimumNodeCount": 0, "maximumNodeCount": 1}},
}


def test_it_is_calm_before_a_job_and_after_its_node_is_gone(tmp_path: Path) -> None:
    service = BatchAI(ServerSettings(batchai_folder=tmp_path, node_idle_seconds=0))
    cluster = BatchCluster(id="/clusters/c", properties=ClusterProperties.model_validate(AUTO))
    service.store.add(Workspace(id="/w", location="here"))
    service.store.add(Experiment(id="/w/e"))
    service.store.add(cluster)
    service.advance()
    assert not service.is_busy
    wanted = {
        "cluster": {"id": cluster.id},
        "nodeCount": 1,
        "stdOutErrPathPrefix": "$AZ_BATCHAI_MOUNT_ROOT/logs",
        "customToolkitSettings": {"commandLine": "true"},
    }
    job = BatchJob(id="/jobs/j", properties=JobProperties.model_validate(wanted), segment="s")
    service.store.add(job)
    assert service.is_busy
    service.advance()
    assert service.is_busy

    def calm() -> bool:
        service.advance()
        assert service.is_busy or job.over
        return not service.is_busy

    eventually(calm, "it to be calm again")
    assert job.state == "succeeded"
    assert service.store.all(BatchCluster)[0].nodes == []
    service.delete(job)
    assert service.is_busy
    service.advance()
    assert not service.is_busy
    assert service.store.all(BatchJob) == []
    service.store.close()
