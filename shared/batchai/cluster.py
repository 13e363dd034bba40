"""One cluster: made, resized, looked at, deleted; and the jobs of one experiment on it."""

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

from shared.batchai.connection import BatchAISettings, connect
from shared.batchai.painted import FILE, OUTPUT_ID, PaintedShard
from shared.batchai.states import job_of, state_of
from shared.clusters import ClusterState, JobState
from shared.errors import ClusterError

if TYPE_CHECKING:
    from azure.mgmt.batchai.models import JobCreateParameters, ScaleSettings

#: How much of a log is looked at, in bytes.
LAST_WORDS = 600


class RemoteCluster:
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
        """Workspace, experiment and cluster are there, and the cluster may have as many nodes."""
        from azure.mgmt.batchai import models

        settings = self._settings
        with plainly():
            self._client.workspaces.begin_create(
                *self._at, models.WorkspaceCreateParameters(location=settings.location)
            ).result()
            self._client.experiments.begin_create(*self._at, settings.experiment).result()
        state = self.state()
        if state is None:
            with plainly():
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
        with plainly():
            self._client.clusters.update(*self._at, self._settings.cluster_name, change)

    def delete(self) -> None:
        with plainly():
            self._client.clusters.begin_delete(*self._at, self._settings.cluster_name).result()

    def state(self) -> ClusterState | None:
        """None if there is no such cluster."""
        try:
            with plainly():
                return state_of(self._client.clusters.get(*self._at, self._settings.cluster_name))
        except ClusterError as error:
            if isinstance(error.__cause__, ResourceNotFoundError):
                return None
            raise

    def jobs(self) -> list[JobState]:
        experiment = self._settings.experiment
        with plainly():
            # Its hint says pages; it gives jobs.
            jobs: Any = self._client.jobs.list_by_experiment(*self._at, experiment)
            return [job_of(job) for job in jobs]

    def create_job(self, name: str, parameters: "JobCreateParameters") -> bool:
        """Ask for it; whether it wasn't there already. What becomes of it, `jobs` will say."""
        try:
            with plainly():
                self._client.jobs.begin_create(
                    *self._at, self._settings.experiment, name, parameters, polling=False
                )
        except ClusterError as error:
            if isinstance(error.__cause__, ResourceExistsError):
                return False
            raise
        return True

    def delete_job(self, name: str) -> None:
        with plainly():
            self._client.jobs.begin_delete(
                *self._at, self._settings.experiment, name, polling=False
            )

    def painted(self, name: str) -> list[PaintedShard]:
        """What a worker's job has reported; nothing for a job without such a report."""
        try:
            found = self._output(name, OUTPUT_ID, FILE)
        except ClusterError as error:
            if isinstance(error.__cause__, ResourceNotFoundError):
                return []
            raise
        text = fetched(found.download_url) if found else b""
        whole, _, _ = text.rpartition(b"\n")  # without a line that is just being written
        return [PaintedShard.model_validate_json(line) for line in whole.splitlines()]

    def last_words(self, name: str) -> str:
        """The end of what a job wrote to standard error, as far as it is kept."""
        file = self._output(name, "stdouterr", "stderr.txt")
        if file is None or not file.content_length:
            return ""
        start = max(0, file.content_length - LAST_WORDS)
        text = fetched(file.download_url, start)[-LAST_WORDS:]
        return text.decode(errors="replace").strip()

    def _output(self, job: str, directory: str, name: str) -> "_File | None":
        """One of the files that a job has written, if it is there."""
        from azure.mgmt.batchai import models

        wanted = models.JobsListOutputFilesOptions(outputdirectoryid=directory)
        with plainly():
            files: Any = self._client.jobs.list_output_files(
                *self._at, self._settings.experiment, job, wanted
            )
            return next((file for file in files if file.name == name), None)

    def close(self) -> None:
        self._client.close()


class _File(Protocol):
    """What the SDK's `File` has; its hints say None for whatever only the service sets."""

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
def plainly() -> Iterator[None]:
    """What the SDK raises, as our own error with one sentence."""
    try:
        yield
    except HttpResponseError as error:
        said = error.error.message if error.error else error.message
        raise ClusterError(f"Batch AI refused: {said}") from error
    except AzureError as error:
        raise ClusterError(f"Batch AI doesn't answer: {error}") from error


def fetched(link: str, start: int = 0) -> bytes:
    """A file, or the rest of it, that whoever has the link may read."""
    wanted = Request(link, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        with urlopen(wanted, timeout=5) as answer:
            content: bytes = answer.read()
    except OSError as error:
        raise ClusterError(f"what a worker wrote can't be read: {error}") from error
    return content
