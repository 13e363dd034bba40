"""The summary of a round, for a person or a program."""

from datetime import UTC, datetime

from pydantic import BaseModel

from shared.counted import counted
from workloads.readings.round_detail import SplitDetail
from workloads.readings.scored import Notes, some
from workloads.readings.windows import Task


class Worst(BaseModel):
    device: str
    time: datetime
    value: float
    score: float


class Summary(BaseModel):
    window: str
    devices: int
    readings: int
    anomalies: int
    devices_with_anomalies: int
    #: The worst reading of each of the ten worst devices.
    worst: list[Worst]
    #: How many devices that have a model sent nothing, and the first of them by name.
    missing: int
    missing_devices: list[str]
    #: Devices that sent less than half of what they used to send, with that share.
    sparse_devices: dict[str, float]
    #: Readings of earlier hours, which were scored as well.
    late: int
    #: Readings that came twice, and were scored once.
    repeated: int
    #: How many readings were put aside, and why.
    malformed: int
    malformed_by_reason: dict[str, int]
    without_model: int
    without_model_devices: list[str]
    #: Devices whose model can't be used, and why.
    broken_models: dict[str, str]
    #: How many devices were scored by each version of models.
    versions: dict[str, int]

    @classmethod
    def of(cls, task: Task, notes: Notes, detail: SplitDetail, missing: list[str]) -> "Summary":
        return cls(
            window=task.window.name,
            devices=notes.devices,
            readings=notes.readings,
            anomalies=notes.anomalies,
            devices_with_anomalies=notes.devices_with_anomalies,
            worst=[
                Worst(
                    device=each.device,
                    time=datetime.fromtimestamp(each.time / 1e6, UTC),
                    value=each.value,
                    score=each.score,
                )
                for each in notes.worst
            ],
            missing=len(missing),
            missing_devices=some(missing),
            sparse_devices=notes.sparse,
            late=detail.late,
            repeated=detail.repeated,
            malformed=sum(detail.rejected.values()),
            malformed_by_reason=detail.rejected,
            without_model=notes.without_model,
            without_model_devices=notes.without_model_names,
            broken_models=notes.broken_models,
            versions=notes.versions,
        )

    def sentences(self) -> list[str]:
        """What is remarkable, for the job's notes."""
        hit, sparse = self.devices_with_anomalies, len(self.sparse_devices)
        counts = {
            f"anomalies: {counted(self.anomalies, 'reading')} of {counted(hit, 'device')}": hit,
            f"sent nothing: {counted(self.missing, 'device')}": self.missing,
            f"sent less than half of what is usual: {counted(sparse, 'device')}": sparse,
            f"malformed: {counted(self.malformed, 'reading')}": self.malformed,
            f"late: {counted(self.late, 'reading')}": self.late,
            f"without a model: {counted(self.without_model, 'device')}": self.without_model,
        }
        return [sentence for sentence, count in counts.items() if count]
