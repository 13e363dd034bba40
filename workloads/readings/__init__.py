"""The workload `readings`: every hour, scores the readings of each device by its own model."""

from shared.storage import Storage
from shared.workload import Scoring, Splitting, Stitching, Workload


class Readings(Workload):
    name = "readings"
    input, output = "readings", "predictions"
    items, model = "devices", "model"
    how_to = "write readings to the container readings, as Event Hubs Capture does"
    announces_blobs = False

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


READINGS = Readings()
