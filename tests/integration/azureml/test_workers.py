"""Requests for workers as jobs of Azure Machine Learning."""

from importlib.util import find_spec

import pytest
from pydantic import SecretStr

from shared.clusters.azureml.pool import AzureMLPool
from shared.clusters.state import WorkerState
from tests.integration.azureml.conftest import IDENTITY, STORAGE, Make
from tests.integration.azureml.fake import WORKSPACE, FakeAzureML

pytestmark = pytest.mark.skipif(
    find_spec("azure.ai.ml") is None, reason="the extra `azureml` isn't installed"
)


def alive(cluster: AzureMLPool) -> list[WorkerState]:
    return [worker for worker in cluster.refresh() if not worker.ended]


def test_a_workers_job_is_created_as_configured(
    make: Make, fake: FakeAzureML, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPASTO_THREADS", "4")
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "login.microsoftonline.com")
    monkeypatch.setenv("AZURE_TENANT_ID", "the-dispatchers")
    cluster = make(azureml_identity=IDENTITY, worker_hours=2)
    cluster.refresh()
    cluster.start(1)
    [worker] = alive(cluster)
    [asked] = fake.sent("PUT", "/jobs/")
    assert asked.path == f"{WORKSPACE}/jobs/{worker.name}"
    job = asked.body["properties"]
    assert job["jobType"] == "Command"
    assert job["command"] == "exec python -m services.scorer"
    assert job["computeId"] == f"{WORKSPACE}/computes/painters"
    assert job["experimentName"] == "scoring"
    assert job["resources"]["instanceCount"] == 1
    assert job["limits"] == {"jobLimitsType": "Command", "timeout": "PT2H"}
    assert job["identity"] == {"identityType": "Managed", "clientId": "client-of-the-painter"}
    assert job["environmentVariables"] == {
        "IMPASTO_MEDIA_URL": STORAGE["media_url"],
        "IMPASTO_WORK_URL": STORAGE["work_url"],
        "IMPASTO_THREADS": "4",
        "AZURE_AUTHORITY_HOST": "login.microsoftonline.com",
        "AZURE_CLIENT_ID": "client-of-the-painter",
    }
    [environment] = fake.sent("PUT", "/environments/")
    assert environment.body["properties"]["image"] == "registry.example/scorer:1"
    assert job["environmentId"] == environment.path


def test_without_a_configured_identity_the_clusters_own_is_used(
    make: Make, fake: FakeAzureML
) -> None:
    cluster = make()
    cluster.refresh()
    cluster.start(1)
    assert fake.sent("PUT", "/computes/")[0].body["identity"] == {"type": "SystemAssigned"}
    job = fake.sent("PUT", "/jobs/")[0].body["properties"]
    assert job["identity"] == {"identityType": "Managed"}
    assert "AZURE_CLIENT_ID" not in job["environmentVariables"]


def test_another_dispatcher_sees_the_same_workers(make: Make, fake: FakeAzureML) -> None:
    first = make()
    first.refresh()
    first.start(2)
    second = make()
    assert [worker.started for worker in second.refresh()] == [None, None]
    one, other = (worker.name for worker in second.refresh())
    fake.becomes(one, "Running", StartTimeUtc="2026-03-31 18:14:56")
    fake.becomes(
        other, "Completed", StartTimeUtc="2026-03-31 18:14:56", EndTimeUtc="2026-03-31 18:18:41"
    )
    assert [worker.name for worker in alive(second)] == [one]
    ended = second.refresh()[1]
    assert ended.started
    assert ended.ended
    assert (ended.ended - ended.started).total_seconds() == 225
    second.start(1)
    assert [worker.name[-5:] for worker in first.refresh()] == ["-0001", "-0002", "-0003"]


def test_two_dispatchers_dont_start_the_same_worker_twice(make: Make) -> None:
    one, other = make(), make()
    assert one.refresh() == other.refresh() == []
    one.start(1)
    other.start(1)
    assert len(alive(one)) == len(alive(other)) == 1


def test_each_fleet_sees_only_its_own_workers(make: Make) -> None:
    ours, theirs = make(), make(work_url="https://other.blob.core.windows.net")
    ours.refresh()
    ours.start(1)
    assert theirs.refresh() == []


def test_the_reason_of_a_failure_is_read_once(make: Make, fake: FakeAzureML) -> None:
    cluster = make()
    cluster.refresh()
    cluster.start(1)
    [worker] = cluster.refresh()
    fake.reasons[worker.name] = "the image can't be pulled"
    fake.becomes(worker.name, "Failed")
    [failed] = cluster.refresh()
    assert failed.failed
    assert failed.why == "the image can't be pulled"
    cluster.refresh()
    assert len(fake.sent("GET", "/details")) == 1


@pytest.mark.parametrize(
    "details", [{"error": {"code": "UserError"}}, {"error": {"error": "none"}}, ["odd"], None]
)
def test_an_odd_reason_is_no_error(make: Make, fake: FakeAzureML, details: object) -> None:
    cluster = make()
    cluster.refresh()
    cluster.start(2)
    bad, good = (worker.name for worker in cluster.refresh())
    fake.details[bad] = details
    fake.becomes(bad, "Failed")
    failed, other = cluster.refresh()
    assert failed.failed
    assert failed.why is not None
    assert (other.name, other.ended) == (good, None)


def test_a_refused_reason_is_asked_for_again(make: Make, fake: FakeAzureML) -> None:
    cluster = make()
    cluster.refresh()
    cluster.start(1)
    [worker] = cluster.refresh()
    fake.becomes(worker.name, "Failed")  # the fake knows no reason, and refuses
    [failed] = cluster.refresh()
    assert failed.failed
    fake.reasons[worker.name] = "the image can't be pulled"
    [failed] = cluster.refresh()
    assert failed.why == "the image can't be pulled"


def test_numbers_continue_after_archived_jobs(make: Make, fake: FakeAzureML) -> None:
    first = make()
    first.refresh()
    first.start(2)
    for worker in first.refresh():
        fake.becomes(worker.name, "Completed")
        fake.jobs[worker.name]["properties"]["isArchived"] = True
    second = make()
    assert second.refresh() == []
    second.start(1)
    [worker] = second.refresh()
    assert worker.name.endswith("-0003")
    fake.jobs[worker.name]["properties"]["isArchived"] = True  # while it runs
    first.refresh()
    first.start(1)  # refused, because the name is taken; it then lists the archived jobs
    first.refresh()
    first.start(1)
    assert [worker.name[-5:] for worker in first.refresh()] == ["-0004"]


def test_a_worker_that_waits_for_a_node_is_cancelled(make: Make, fake: FakeAzureML) -> None:
    cluster = make()
    cluster.refresh()
    cluster.start(1)
    [worker] = cluster.refresh()
    cluster.cancel(worker.name)
    assert fake.sent("POST", "/cancel")[0].path == f"{WORKSPACE}/jobs/{worker.name}/cancel"
    assert cluster.refresh() == []
    cluster.start(1)
    assert [worker.name[-5:] for worker in cluster.refresh()] == ["-0002"]


def test_the_oldest_ended_workers_are_archived(make: Make, fake: FakeAzureML) -> None:
    cluster = make(keep_ended_workers=1)
    cluster.refresh()
    cluster.start(2)
    for worker in cluster.refresh():
        fake.becomes(worker.name, "Completed")
    cluster.refresh()
    cluster.delete_old_jobs()
    assert [worker.name[-5:] for worker in cluster.refresh()] == ["-0002"]


def test_no_connection_string_is_sent(make: Make, fake: FakeAzureML) -> None:
    cluster = make(work_connection=SecretStr("AccountName=work;AccountKey=secret"))
    cluster.refresh()
    cluster.start(1)
    assert all("secret" not in str(asked) for asked in fake.asked)
