"""Calls to Azure Machine Learning for the jobs of a workspace that have a tag."""

import contextlib
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.clusters.azureml.connection import AzureMLSettings, connect, translated_errors
from shared.clusters.state import ClusterJob
from shared.errors import ClusterError

if TYPE_CHECKING:
    from azure.ai.ml.entities import Command, Job

OVER = ("succeeded", "failed", "stopped")
STATES = {
    "Running": "running",
    "Finalizing": "running",
    "CancelRequested": "terminating",
    "Completed": "succeeded",
    "Failed": "failed",
    "NotResponding": "failed",  # most likely its node was lost
    "Canceled": "stopped",
}


class WorkerJob(NamedTuple):
    """The job that starts a worker."""

    image: str
    command: str
    environment: Mapping[str, str]
    limit: timedelta


class AzureMLJobs:
    def __init__(self, settings: AzureMLSettings) -> None:
        self._settings = settings
        self._client = connect(settings)
        #: The reasons of failures: they never change, and each takes two requests.
        self._reasons: dict[str, str | None] = {}

    def tagged(self, tag: str) -> list[ClusterJob]:
        """The jobs that aren't archived, oldest first."""
        with translated_errors():
            found: Any = self._client.jobs.list(tag=tag)
            jobs = [job_of(job) for job in found if job]
        return [
            job.model_copy(update={"why": self._reason(job.name)}) if job.state == "failed" else job
            for job in jobs
        ]

    def create(self, name: str, tag: str, job: WorkerJob, client_id: str | None = None) -> bool:
        """Start creating a job; returns False if it exists."""
        command = self._command(name, tag, job, client_id)
        try:
            with translated_errors():
                self._client.jobs.create_or_update(command)
        except ClusterError:
            if self._exists(name):
                return False
            raise
        return True

    def archived(self, tag: str) -> list[str]:
        """The names of archived jobs, which stay taken."""
        from azure.ai.ml.constants import ListViewType

        with translated_errors():
            found: Any = self._client.jobs.list(tag=tag, list_view_type=ListViewType.ARCHIVED_ONLY)
            return [job.name for job in found if job]

    def _exists(self, name: str) -> bool:
        try:
            with translated_errors():
                self._client.jobs.get(name)
        except ClusterError:
            return False
        return True

    def cancel(self, name: str) -> None:
        with translated_errors():
            self._client.jobs.begin_cancel(name)

    def archive(self, name: str) -> None:
        """Azure Machine Learning has no call that deletes a job."""
        with translated_errors():
            self._client.jobs.archive(name)

    def _command(self, name: str, tag: str, job: WorkerJob, client_id: str | None) -> "Command":
        from azure.ai.ml import command, entities

        environment = dict(job.environment)
        if client_id:
            environment["AZURE_CLIENT_ID"] = client_id  # `DefaultAzureCredential` reads it
        return command(
            name=name,
            display_name=name,
            experiment_name=self._settings.experiment,
            tags={tag: "worker"},
            compute=self._settings.cluster_name,
            instance_count=1,
            environment=entities.Environment(image=job.image),
            command=job.command,
            environment_variables=environment,
            identity=entities.ManagedIdentityConfiguration(client_id=client_id),
            timeout=int(job.limit.total_seconds()),
        )

    def _reason(self, name: str) -> str | None:
        """Why a job failed, or why that can't be read."""
        if name not in self._reasons:
            try:
                self._reasons[name] = self._ask_for_reason(name)
            except ClusterError as error:
                return f"the reason can't be read: {error}"  # asked for again next time
            except Exception as error:  # the SDK doesn't expect such an answer
                self._reasons[name] = f"the reason can't be read: {error}"
        return self._reasons[name]

    def _ask_for_reason(self, name: str) -> str | None:
        """Only streaming a job's log tells; for a failed job that returns at once."""
        from azure.ai.ml.exceptions import JobException

        try:
            with translated_errors(), contextlib.redirect_stdout(io.StringIO()):
                self._client.jobs.stream(name)
        except ClusterError as error:
            if isinstance(error.__cause__, JobException):
                return reason_in(str(error.__cause__.message))
            raise
        return None


def job_of(job: "Job") -> ClusterJob:
    facts: Any = job  # its annotations allow None for what every job has
    times = facts.properties or {}
    created = facts.creation_context.created_at
    state = STATES.get(getattr(facts.status, "value", facts.status), "queued")
    started = moment(times.get("StartTimeUtc"))
    ended = moment(times.get("EndTimeUtc"))
    return ClusterJob(
        name=facts.name,
        state=state,
        created=created,
        started=started or (created if state == "running" else None),
        ended=ended or (started or created if state in OVER else None),
    )


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def reason_in(message: str) -> str:
    """The reason in the text of the SDK's exception, which is a line and JSON."""
    _, _, text = message.partition("\n")
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, TypeError, KeyError):  # another text than expected
        return (text or message).strip()
