"""Command jobs of a workspace, found again by a tag."""

import contextlib
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.azureml.connection import AzureMLSettings, connect, plainly
from shared.clusters import JobState
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
    "NotResponding": "failed",  # its node was lost, most likely; should it be back, it does no harm
    "Canceled": "stopped",
}


class Wanted(NamedTuple):
    """What a job runs, and in what."""

    image: str
    line: str
    environment: Mapping[str, str]
    limit: timedelta


class RemoteJobs:
    def __init__(self, settings: AzureMLSettings) -> None:
        self._settings = settings
        self._client = connect(settings)
        #: A failure's reason never changes, and takes two requests.
        self._reasons: dict[str, str | None] = {}

    def tagged(self, tag: str) -> list[JobState]:
        """Those that aren't archived; oldest first."""
        with plainly():
            found: Any = self._client.jobs.list(tag=tag)
            jobs = [job_of(job) for job in found if job]
        return [
            job.model_copy(update={"why": self._reason(job.name)}) if job.state == "failed" else job
            for job in jobs
        ]

    def create(self, name: str, tag: str, what: Wanted, client_id: str | None = None) -> bool:
        """Ask for it; whether it wasn't there already. What becomes of it, `tagged` will say."""
        job = self._command(name, tag, what, client_id)
        try:
            with plainly():
                self._client.jobs.create_or_update(job)
        except ClusterError:
            if self._exists(name):
                return False
            raise
        return True

    def archived(self, tag: str) -> list[str]:
        """The names of those that `tagged` doesn't list any more: they stay taken."""
        from azure.ai.ml.constants import ListViewType

        with plainly():
            found: Any = self._client.jobs.list(tag=tag, list_view_type=ListViewType.ARCHIVED_ONLY)
            return [job.name for job in found if job]

    def _exists(self, name: str) -> bool:
        try:
            with plainly():
                self._client.jobs.get(name)
        except ClusterError:
            return False
        return True

    def cancel(self, name: str) -> None:
        with plainly():
            self._client.jobs.begin_cancel(name)

    def archive(self, name: str) -> None:
        """There is no deleting one."""
        with plainly():
            self._client.jobs.archive(name)

    def _command(self, name: str, tag: str, what: Wanted, client_id: str | None) -> "Command":
        from azure.ai.ml import command, entities

        told = dict(what.environment)
        if client_id:
            told["AZURE_CLIENT_ID"] = client_id  # where `DefaultAzureCredential` looks
        return command(
            name=name,
            display_name=name,
            experiment_name=self._settings.experiment,
            tags={tag: "worker"},
            compute=self._settings.cluster_name,
            instance_count=1,
            environment=entities.Environment(image=what.image),
            command=what.line,
            environment_variables=told,
            identity=entities.ManagedIdentityConfiguration(client_id=client_id),
            timeout=int(what.limit.total_seconds()),
        )

    def _reason(self, name: str) -> str | None:
        """One that can't be had now is asked for again; none stops whoever looks at the jobs."""
        if name not in self._reasons:
            try:
                self._reasons[name] = self._ask_for_reason(name)
            except ClusterError as error:
                return f"why can't be read: {error}"
            except Exception as error:  # the SDK expects an answer of another shape
                self._reasons[name] = f"why can't be read: {error}"
        return self._reasons[name]

    def _ask_for_reason(self, name: str) -> str | None:
        """Only following a job to its end tells it, which for a failed one is at once."""
        from azure.ai.ml.exceptions import JobException

        try:
            with plainly(), contextlib.redirect_stdout(io.StringIO()):
                self._client.jobs.stream(name)
        except ClusterError as error:
            if isinstance(error.__cause__, JobException):
                return reason_in(str(error.__cause__.message))
            raise
        return None


def job_of(job: "Job") -> JobState:
    facts: Any = job  # its hints allow None for what every job of the service has
    times = facts.properties or {}
    created = facts.creation_context.created_at
    state = STATES.get(getattr(facts.status, "value", facts.status), "queued")
    started = moment(times.get("StartTimeUtc"))
    ended = moment(times.get("EndTimeUtc"))
    return JobState(
        name=facts.name,
        state=state,
        created=created,
        started=started or (created if state == "running" else None),
        ended=ended or (started or created if state in OVER else None),
    )


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def reason_in(message: str) -> str:
    """The SDK has them as JSON in the text of its exception."""
    _, _, text = message.partition("\n")
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, TypeError, KeyError):  # whatever else it says, it says something
        return (text or message).strip()
