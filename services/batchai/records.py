"""What is kept of workspaces, clusters, experiments and jobs.

A model named Properties is what a client sent, under the names of the wire; what it sent beyond
that is kept too and goes back as it came.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

NodeState = Literal["preparing", "idle", "running", "leaving", "unusable"]
JobState = Literal["queued", "running", "terminating", "succeeded", "failed"]
Deallocation = Literal["requeue", "terminate", "waitforjobcompletion"]
Problem = dict[str, Any]


def now() -> datetime:
    return datetime.now(UTC)


class Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="allow")


class AutoScale(Wire):
    minimum_node_count: int = Field(ge=0)
    maximum_node_count: int = Field(ge=0)
    initial_node_count: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.minimum_node_count > self.maximum_node_count:
            raise ValueError("minimumNodeCount is more than maximumNodeCount")
        if self.initial_node_count > self.maximum_node_count:
            raise ValueError("initialNodeCount is more than maximumNodeCount")
        return self


class ManualScale(Wire):
    target_node_count: int = Field(ge=0)
    node_deallocation_option: Deallocation = "requeue"


class ScaleSettings(Wire):
    auto_scale: AutoScale | None = None
    manual: ManualScale | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.auto_scale is None) == (self.manual is None):
            raise ValueError("scaleSettings needs one of autoScale and manual")
        return self


class ClusterProperties(Wire):
    vm_size: str = Field(min_length=1)
    vm_priority: Literal["dedicated", "lowpriority"] = "dedicated"
    scale_settings: ScaleSettings = ScaleSettings(manual=ManualScale(target_node_count=0))


class ResourceId(Wire):
    id: str


class Command(Wire):
    command_line: str = Field(min_length=1)


class InputDirectory(Wire):
    id: str
    path: str


class OutputDirectory(Wire):
    id: str
    path_prefix: str
    path_suffix: str = ""


class Variable(Wire):
    name: str = Field(min_length=1)
    value: str


class Constraints(Wire):
    max_wall_clock_time: timedelta = timedelta(days=7)


class ImageSource(Wire):
    image: str = Field(min_length=1)


class ContainerSettings(Wire):
    image_source_registry: ImageSource


class JobProperties(Wire):
    cluster: ResourceId
    node_count: int = Field(ge=1)
    custom_toolkit_settings: Command
    std_out_err_path_prefix: str
    scheduling_priority: Literal["low", "normal", "high"] = "normal"
    container_settings: ContainerSettings | None = None
    job_preparation: Command | None = None
    input_directories: list[InputDirectory] = []
    output_directories: list[OutputDirectory] = []
    environment_variables: list[Variable] = []
    secrets: list[Variable] = []
    constraints: Constraints = Constraints()


class Record(BaseModel):
    """One resource; its id is its path on the wire."""

    id: str
    created: datetime = Field(default_factory=now)
    deleting: bool = False

    @property
    def name(self) -> str:
        return self.id.rsplit("/", 1)[1]


class Workspace(Record):
    location: str = Field(min_length=1, max_length=90)
    tags: dict[str, str] | None = None


class Experiment(Record):
    pass


class Node(BaseModel):
    name: str
    state: NodeState
    since: datetime
    job: str | None = None

    def become(self, state: NodeState) -> None:
        self.state, self.since = state, now()


class Cluster(Record):
    properties: ClusterProperties
    nodes: list[Node] = []
    nodes_ever: int = 0
    errors: list[Problem] = []
    resized: datetime = Field(default_factory=now)

    def add_node(self) -> None:
        self.nodes_ever += 1
        self.nodes.append(Node(name=f"node-{self.nodes_ever}", state="preparing", since=now()))


class Job(Record):
    properties: JobProperties
    segment: str
    state: JobState = "queued"
    changed: datetime = Field(default_factory=now)
    #: Its process, while there is one: the name of its folder.
    run: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    exit_code: int | None = None
    errors: list[Problem] = []

    @property
    def over(self) -> bool:
        return self.state in ("succeeded", "failed")

    def become(self, state: JobState) -> None:
        self.state, self.changed = state, now()
