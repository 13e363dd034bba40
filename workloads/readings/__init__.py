"""The workload `readings`: every hour, scores the readings of each device by its own model."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from shared.messages import BlobCreated
from shared.storage import Storage
from shared.workload import Program, Scoring, Splitting, Stitching, Workload

if TYPE_CHECKING:
    from shared.pages import Pages


class Readings(Workload):
    name = "readings"
    input, output = "readings", "predictions"
    items, model = "devices", "model"
    how_to = "write readings to the container readings, as Event Hubs Capture does"
    announces_blobs = False
    programs: ClassVar[Mapping[str, Program]] = {
        "readings": Program(
            "workloads.readings.commands",
            "Score the readings of devices: simulate, train, score, rounds, show, plot.",
        )
    }

    def splitting(self, storage: Storage) -> Splitting:
        from workloads.readings.splitting import ReadingsSplitting

        return ReadingsSplitting(storage)

    def scoring(self, storage: Storage) -> Scoring:
        from workloads.readings.scoring import ReadingsScoring

        return ReadingsScoring(storage)

    def stitching(self, storage: Storage) -> Stitching:
        from workloads.readings.stitching import ReadingsStitching

        return ReadingsStitching(storage)

    def require_model(self, storage: Storage, model: str) -> None:
        """A round needs no model: devices without one are named in its summary."""

    def pages(self, storage: Storage) -> "Pages":
        from workloads.readings.pages import ReadingsPages

        return ReadingsPages(storage)

    def due(self, storage: Storage, now: datetime) -> list[BlobCreated]:
        from workloads.readings.due import due_rounds

        return due_rounds(storage, now)


READINGS = Readings()
