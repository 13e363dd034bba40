"""The cluster that workers run on, as a person may look at it and change it."""

import os
from pathlib import Path

from pydantic import BaseModel

from shared.batchai.access import Access
from shared.batchai.cluster import RemoteCluster
from shared.batchai.connection import ClusterSettings
from shared.batchai.states import ClusterState, JobState
from shared.errors import Misconfigured, Missing


class View(BaseModel):
    cluster: ClusterState
    jobs: list[JobState]


def connected(data: Path, nodes: int = 1) -> RemoteCluster:
    """As the environment says; else the Batch AI of the stack whose folder this is."""
    given = ClusterSettings(nodes=nodes)
    if {"batchai_url", "subscription"} & given.model_fields_set:
        return RemoteCluster(given)
    access = Access.read(data / "batchai")
    if access is None or not access.answers():
        raise Misconfigured(f"no stack is up in {data}; start one with `impasto up`")
    os.environ.update(access.environment())  # where `DefaultAzureCredential` looks
    return RemoteCluster(ClusterSettings(nodes=nodes))


def view(cluster: RemoteCluster) -> View:
    state = cluster.state()
    if state is None:
        raise Missing("there is no such cluster; `impasto cluster create` makes it")
    return View(cluster=state, jobs=cluster.jobs())
