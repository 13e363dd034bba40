"""Workspaces, experiments, clusters, nodes and jobs, as the server stores them."""

from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field

from services.batchai.properties import ClusterProperties, JobProperties

NodeState = Literal["preparing", "idle", "running", "leaving", "unusable"]
JobState = Literal["queued", "running", "terminating", "succeeded", "failed"]
#: An error as the REST API returns it.
ErrorBody = dict[str, Any]


def now() -> datetime:
    return datetime.now(UTC)


class Resource(BaseModel):
    """What all resources have. The id is the path of the URL."""

    #: What the REST API and the database call this kind of resource.
    kind: ClassVar[str]

    id: str
    created: datetime = Field(default_factory=now)
    deleting: bool = False

    @property
    def name(self) -> str:
        return self.id.rsplit("/", 1)[1]


class Workspace(Resource):
    kind = "Workspace"
    location: str = Field(min_length=1, max_length=90)
    tags: dict[str, str] | None = None


class Experiment(Resource):
    kind = "Experiment"


class Node(BaseModel):
    name: str
    state: NodeState
    since: datetime
    job: str | None = None

    def enter(self, state: NodeState) -> None:
        self.state, self.since = state, now()


class BatchCluster(Resource):
    kind = "Cluster"
    properties: ClusterProperties
    nodes: list[Node] = []
    nodes_ever: int = 0
    errors: list[ErrorBody] = []
    resized: datetime = Field(default_factory=now)

    def add_node(self) -> None:
        self.nodes_ever += 1
        self.nodes.append(Node(name=f"node-{self.nodes_ever}", state="preparing", since=now()))


class BatchJob(Resource):
    kind = "Job"
    properties: JobProperties
    #: The part of its directories' paths that no other job has.
    segment: str
    state: JobState = "queued"
    changed: datetime = Field(default_factory=now)
    #: Names the folder in `runs` while the job has a process.
    run: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    exit_code: int | None = None
    errors: list[ErrorBody] = []

    @property
    def over(self) -> bool:
        return self.state in ("succeeded", "failed")

    def enter(self, state: JobState) -> None:
        self.state, self.changed = state, now()
