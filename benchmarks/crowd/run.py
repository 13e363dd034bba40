"""One run: drops all videos at once, and samples outputs, intermediates and memory.

A video of another top folder is dropped late, to check that it doesn't wait for the whole backlog.
"""

import os
import random
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.chart import Dot
from benchmarks.service_usage import HERE, usage
from services.console.stack import Stack
from shared import names
from shared.control.poison import PoisonQueues
from shared.jobs import Jobs
from shared.records import Failure, Result
from shared.storage import QUEUES, Storage
from tests.support.processes import worker_pids

VIDEOS = int(os.environ.get("VIDEOS") or 1000)
FOLDER, LATE_FOLDER = "original", "pencil"
NODES = 2
SAMPLE_SECONDS = 5.0
#: Between two kills.
KILL_SECONDS = (2.0, 5.0)
#: The time limit of a run, for each video.
SECONDS_PER_VIDEO = 4.0
#: The late video is dropped when this share of the others is finished.
LATE_SHARE = 0.2
INTERMEDIATES = ("shards", "scored", "segments")
MIB = 2**20


@dataclass
class CrowdRun:
    """The results of one run."""

    name: str
    outputs: list[Dot] = field(default_factory=list)
    intermediates: list[Dot] = field(default_factory=list)
    memory: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    kills: int = 0
    #: Seconds from the drop of all to the end of all.
    seconds: float = 0
    #: Seconds from the drop to the first output, and from the late drop to its output.
    first: float = 0
    late: float = 0
    #: The mean distance of an output's place from its place in the order of arrival.
    disorder: float = 0
    unfinished: int = 0
    poison: int = 0
    left: int = 0


def run(name: str, folder: Path, clip: Path, killing: bool) -> CrowdRun:
    crowd = CrowdRun(name)
    with Stack(folder / name, NODES) as stack, killed(stack, crowd, killing):
        watch(stack, crowd, clip.read_bytes())
    return crowd


def watch(stack: Stack, crowd: CrowdRun, video: bytes) -> None:
    storage, began = stack.storage, time.time()
    blobs = [f"{FOLDER}/{number:04}.mp4" for number in range(VIDEOS)]
    drop(storage, blobs, video)
    late_dropped = 0.0
    late_blob = f"{LATE_FOLDER}/late.mp4"
    while time.time() < began + VIDEOS * SECONDS_PER_VIDEO:
        time.sleep(SAMPLE_SECONDS)
        now = time.time() - began
        outputs = {blob.name for blob in storage.container("output").under()}
        crowd.outputs.append(Dot(now, len(outputs)))
        crowd.intermediates.append(Dot(now, size_of(storage) / MIB))
        for service, used in usage().items():
            if service != HERE:
                crowd.memory[service] = max(crowd.memory[service], used.memory / MIB)
        if not late_dropped and len(outputs) >= VIDEOS * LATE_SHARE:
            late_dropped = time.time()
            drop(storage, [late_blob], video)
        if len(outputs) == VIDEOS + 1:
            break
    collect_results(storage, crowd, blobs, late_blob, began, late_dropped)


def collect_results(
    storage: Storage,
    crowd: CrowdRun,
    blobs: list[str],
    late_blob: str,
    began: float,
    late_dropped: float,
) -> None:
    """Read the outputs' times from the records, then wait until the queues are empty."""
    outcomes = {blob: outcome_of(storage, blob) for blob in [*blobs, late_blob]}
    finished = {
        blob: outcome.finished.timestamp()
        for blob, outcome in outcomes.items()
        if isinstance(outcome, Result)
    }
    crowd.unfinished = len(outcomes) - len(finished)
    if finished:
        crowd.first = min(finished.values()) - began
        crowd.seconds = max(finished.values()) - began
    if late_blob in finished:
        crowd.late = finished[late_blob] - late_dropped
    order = sorted((blob for blob in blobs if blob in finished), key=finished.__getitem__)
    places = [abs(place - blobs.index(blob)) for place, blob in enumerate(order)]
    crowd.disorder = sum(places) / len(places) if places else 0
    until = time.monotonic() + 120
    while time.monotonic() < until and any(storage.queue(name).count() for name in QUEUES):
        time.sleep(1)
    crowd.poison = len(PoisonQueues(storage).entries())
    crowd.left = sum(len(storage.container(name).under()) for name in INTERMEDIATES)


def outcome_of(storage: Storage, blob: str) -> Result | Failure | None:
    found = storage.container("input").find(blob)
    return Jobs(storage).outcome(names.job_id(blob, found.etag)) if found else None


def drop(storage: Storage, blobs: Sequence[str], video: bytes) -> None:
    container = storage.container("input")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda blob: container.write(blob, video), blobs))


def size_of(storage: Storage) -> float:
    return sum(blob.size for name in INTERMEDIATES for blob in storage.container(name).under())


@contextmanager
def killed(stack: Stack, crowd: CrowdRun, killing: bool) -> Iterator[None]:
    """Send SIGKILL to a random service, or worker, every few seconds."""
    over = threading.Event()

    def kill() -> None:
        while not over.wait(random.uniform(*KILL_SECONDS)):
            services = [pid for name, pid in stack.pids().items() if name != "azurite"]
            with suppress(ProcessLookupError):
                os.kill(random.choice([*services, *worker_pids(stack.data)]), signal.SIGKILL)
                crowd.kills += 1

    thread = threading.Thread(target=kill, name="killer")
    if killing:
        thread.start()
    try:
        yield
    finally:
        over.set()
        if killing:
            thread.join()
