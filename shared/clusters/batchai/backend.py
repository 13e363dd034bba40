"""Workers on Batch AI: Azure's, or the local one that a stack on this machine runs."""

import os
from pathlib import Path
from typing import Any

from shared.clusters.batchai.access import Access
from shared.clusters.batchai.client import BatchAIClient
from shared.clusters.batchai.connection import BatchAISettings
from shared.clusters.batchai.local import LocalBatchAI
from shared.clusters.batchai.pool import BatchAIPool
from shared.clusters.batchai.scored import by_job
from shared.clusters.checks import existing, given
from shared.clusters.settings import ClusterSettings
from shared.clusters.state import ClusterJob, ClusterView
from shared.errors import Misconfigured
from shared.settings import Settings


class BatchAIBackend:
    settings = BatchAISettings

    def pool(self, settings: BatchAISettings) -> BatchAIPool:
        return BatchAIPool(settings)

    def managed(self, folder: Path, nodes: int | None) -> BatchAIClient:
        return client(folder, **given(nodes))

    def view(self, folder: Path, storage: Settings | None) -> ClusterView:
        batchai = client(folder)
        return ClusterView(
            cluster=existing(batchai.state()),
            jobs=[with_scored(batchai, job) for job in batchai.jobs()],
        )

    def local(self, folder: Path, storage: Settings, nodes: int | None) -> LocalBatchAI:
        return LocalBatchAI(folder, nodes or ClusterSettings().nodes)


def client(folder: Path, **changes: Any) -> BatchAIClient:
    """Of the Batch AI in the environment, or else of the stack in this folder."""
    settings = BatchAISettings(**changes)
    if {"batchai_url", "subscription"} & settings.model_fields_set:
        return BatchAIClient(settings)
    access = Access.read(folder / "batchai")
    if access is None or not access.answers():
        raise Misconfigured(f"no stack is up in {folder}; start one with `impasto up`")
    os.environ.update(access.environment())  # `DefaultAzureCredential` reads it
    return BatchAIClient(BatchAISettings(**changes))


def with_scored(batchai: BatchAIClient, job: ClusterJob) -> ClusterJob:
    shards = batchai.scored(job.name) if job.started else []
    return job.model_copy(update={"scored": by_job(shards)})


BACKEND = BatchAIBackend()
