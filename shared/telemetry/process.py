"""What every service measures of itself when metrics are asked for."""

import shutil
import tempfile
from collections.abc import Iterator

from shared.telemetry.cost import cpu_seconds
from shared.telemetry.metrics import Measured

HELP = {
    "impasto_disk_free_share": "The free share of the disk that has the temporary files.",
    "impasto_rights_missing": "Rights, containers and queues that the service lacks to work.",
    "impasto_cpu_seconds": "CPU time of the process and its children so far.",
}


def of_process(missing_rights: int) -> Iterator[Measured]:
    disk = shutil.disk_usage(tempfile.gettempdir())
    yield "impasto_disk_free_share", {}, disk.free / disk.total
    yield "impasto_rights_missing", {}, missing_rights
    yield "impasto_cpu_seconds", {}, cpu_seconds()
