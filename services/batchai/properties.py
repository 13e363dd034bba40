"""Request bodies of clusters and jobs, under the REST API's field names.

Unknown fields are kept and returned unchanged.
"""

from datetime import timedelta
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

Deallocation = Literal["requeue", "terminate", "waitforjobcompletion"]


class ApiModel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="allow")


class AutoScale(ApiModel):
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


class ManualScale(ApiModel):
    target_node_count: int = Field(ge=0)
    node_deallocation_option: Deallocation = "requeue"


class ScaleSettings(ApiModel):
    auto_scale: AutoScale | None = None
    manual: ManualScale | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.auto_scale is None) == (self.manual is None):
            raise ValueError("scaleSettings needs one of autoScale and manual")
        return self


class ClusterProperties(ApiModel):
    vm_size: str = Field(min_length=1)
    vm_priority: Literal["dedicated", "lowpriority"] = "dedicated"
    scale_settings: ScaleSettings = ScaleSettings(manual=ManualScale(target_node_count=0))


class ResourceId(ApiModel):
    id: str


class Command(ApiModel):
    command_line: str = Field(min_length=1)


class InputDirectory(ApiModel):
    id: str
    path: str


class OutputDirectory(ApiModel):
    id: str
    path_prefix: str
    path_suffix: str = ""


class Variable(ApiModel):
    name: str = Field(min_length=1)
    value: str


class Constraints(ApiModel):
    max_wall_clock_time: timedelta = timedelta(days=7)


class ImageSource(ApiModel):
    image: str = Field(min_length=1)


class ContainerSettings(ApiModel):
    image_source_registry: ImageSource


class JobProperties(ApiModel):
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
