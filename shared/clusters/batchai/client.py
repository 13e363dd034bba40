"""Calls to Batch AI for one cluster and the jobs of one experiment."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol
from urllib.request import Request, urlopen

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)

from shared.clusters.batchai.connection import BatchAISettings, connect
from shared.clusters.batchai.scored import FILE, OUTPUT_ID, ReportedShard
from shared.clusters.batchai.states import job_of, state_of
from shared.clusters.state import ClusterJob, ClusterState
from shared.errors import ClusterError

if TYPE_CHECKING:
    from azure.mgmt.batchai.models import JobCreateParameters, ScaleSettings

#: How much of a log is read, from its end.
LOG_BYTES = 600


class BatchAIClient:
    def __init__(self, settings: BatchAISettings) -> None:
        self._settings = settings
        self._at = (settings.resource_group, settings.workspace)
        self._client = connect(settings)

    @property
    def cluster_id(self) -> str:
        settings = self._settings
        return (
            f"/subscriptions/{settings.subscription}/resourceGroups/{settings.resource_group}"
            f"/providers/Microsoft.BatchAI/workspaces/{settings.workspace}"
            f"/clusters/{settings.cluster_name}"
        )

    def ensure(self) -> None:
        """Create what is missing: workspace, experiment, cluster. Set the highest node count."""
        from azure.mgmt.batchai import models

        settings = self._settings
        with translated_errors():
            self._client.workspaces.begin_create(
                *self._at, models.WorkspaceCreateParameters(location=settings.location)
            ).result()
            self._client.experiments.begin_create(*self._at, settings.experiment).result()
        state = self.state()
        if state is None:
            with translated_errors():
                self._client.clusters.begin_create(
                    *self._at,
                    settings.cluster_name,
                    models.ClusterCreateParameters(
                        vm_size=settings.vm_size,
                        vm_priority=settings.vm_priority,
                        scale_settings=autoscale(0, settings.nodes),
                    ),
                ).result()
        elif state.maximum != settings.nodes:
            self.scale(0, settings.nodes)

    def scale(self, minimum: int, maximum: int) -> None:
        from azure.mgmt.batchai import models

        change = models.ClusterUpdateParameters(scale_settings=autoscale(minimum, maximum))
        with translated_errors():
            self._client.clusters.update(*self._at, self._settings.cluster_name, change)

    def delete(self) -> None:
        with translated_errors():
            self._client.clusters.begin_delete(*self._at, self._settings.cluster_name).result()

    def state(self) -> ClusterState | None:
        """None if the cluster doesn't exist."""
        try:
            with translated_errors():
                return state_of(self._client.clusters.get(*self._at, self._settings.cluster_name))
        except ClusterError as error:
            if isinstance(error.__cause__, ResourceNotFoundError):
                return None
            raise

    def jobs(self) -> list[ClusterJob]:
        experiment = self._settings.experiment
        with translated_errors():
            # The annotation says pages; the iterator returns jobs.
            jobs: Any = self._client.jobs.list_by_experiment(*self._at, experiment)
            return [job_of(job) for job in jobs]

    def create_job(self, name: str, parameters: "JobCreateParameters") -> bool:
        """Start creating a job; returns False if it exists."""
        try:
            with translated_errors():
                self._client.jobs.begin_create(
                    *self._at, self._settings.experiment, name, parameters, polling=False
                )
        except ClusterError as error:
            if isinstance(error.__cause__, ResourceExistsError):
                return False
            raise
        return True

    def delete_job(self, name: str) -> None:
        with translated_errors():
            self._client.jobs.begin_delete(
                *self._at, self._settings.experiment, name, polling=False
            )

    def scored(self, name: str) -> list[ReportedShard]:
        """The shards that a worker's job reported as scored; empty if it has no report."""
        try:
            found = self._output(name, OUTPUT_ID, FILE)
        except ClusterError as error:
            if isinstance(error.__cause__, ResourceNotFoundError):
                return []
            raise
        text = fetched(found.download_url) if found else b""
        whole, _, _ = text.rpartition(b"\n")  # the last line may still be being written
        return [ReportedShard.model_validate_json(line) for line in whole.splitlines()]

    def end_of_log(self, name: str) -> str:
        """The end of a job's standard error; empty if it isn't kept."""
        file = self._output(name, "stdouterr", "stderr.txt")
        if file is None or not file.content_length:
            return ""
        start = max(0, file.content_length - LOG_BYTES)
        text = fetched(file.download_url, start)[-LOG_BYTES:]
        return text.decode(errors="replace").strip()

    def _output(self, job: str, directory: str, name: str) -> "_File | None":
        """A file in one of a job's output directories, or None."""
        from azure.mgmt.batchai import models

        wanted = models.JobsListOutputFilesOptions(outputdirectoryid=directory)
        with translated_errors():
            files: Any = self._client.jobs.list_output_files(
                *self._at, self._settings.experiment, job, wanted
            )
            return next((file for file in files if file.name == name), None)

    def close(self) -> None:
        self._client.close()


class _File(Protocol):
    """The SDK's `File`, whose annotations say None for all that only the service sets."""

    download_url: str
    content_length: int


def autoscale(minimum: int, maximum: int) -> "ScaleSettings":
    from azure.mgmt.batchai import models

    return models.ScaleSettings(
        auto_scale=models.AutoScaleSettings(
            minimum_node_count=minimum, maximum_node_count=maximum, initial_node_count=minimum
        )
    )


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Raise the SDK's errors as ClusterError, with one sentence."""
    try:
        yield
    except HttpResponseError as error:
        said = error.error.message if error.error else error.message
        raise ClusterError(f"Batch AI refused: {said}") from error
    except AzureError as error:
        raise ClusterError(f"Batch AI doesn't answer: {error}") from error


def fetched(link: str, start: int = 0) -> bytes:
    """Download a file by its link, from a position on."""
    wanted = Request(link, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        with urlopen(wanted, timeout=5) as answer:
            content: bytes = answer.read()
    except OSError as error:
        raise ClusterError(f"a worker's output can't be read: {error}") from error
    return content
