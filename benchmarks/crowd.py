"""Drops a thousand short videos at once, undisturbed and while services are killed: `make crowd`.

It samples how many outputs there are, how large the intermediates are, and how much memory each
service has. The second run sends SIGKILL to a random service every few seconds. In both, a video of
another top folder is dropped late, to check that it doesn't wait for the whole backlog.
"""

import os
import random
import signal
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.chart import Dot, Panel, svg
from benchmarks.report import Goal, Plot, Report, Table, draw, tell
from benchmarks.service_usage import HERE, usage
from services.console.poison import PoisonQueues
from services.console.stack import Stack
from shared import logs, names
from shared.jobs import Jobs
from shared.records import Failure, Result
from shared.storage import QUEUES, Storage
from tests.support.media import make_clip
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
INTERMEDIATES = ("frames", "scored", "segments")
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
    storage, began = stack.storage, time.monotonic()
    blobs = [f"{FOLDER}/{number:04}.mp4" for number in range(VIDEOS)]
    drop(storage, blobs, video)
    late_dropped = 0.0
    late_blob = f"{LATE_FOLDER}/late.mp4"
    while time.monotonic() < began + VIDEOS * SECONDS_PER_VIDEO:
        time.sleep(SAMPLE_SECONDS)
        now = time.monotonic() - began
        outputs = {blob.name for blob in storage.container("output").under()}
        crowd.outputs.append(Dot(now, len(outputs)))
        crowd.intermediates.append(Dot(now, size_of(storage) / MIB))
        for service, used in usage().items():
            if service != HERE:
                crowd.memory[service] = max(crowd.memory[service], used.memory / MIB)
        if not late_dropped and len(outputs) >= VIDEOS * LATE_SHARE:
            late_dropped = time.monotonic()
            drop(storage, [late_blob], video)
        if len(outputs) == VIDEOS + 1:
            break
    end(storage, crowd, blobs, late_blob, began, late_dropped)


def end(
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
    offset = time.time() - time.monotonic()
    crowd.unfinished = len(outcomes) - len(finished)
    if finished:
        crowd.first = min(finished.values()) - began - offset
        crowd.seconds = max(finished.values()) - began - offset
    if late_blob in finished:
        crowd.late = finished[late_blob] - late_dropped - offset
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


def report() -> Report:
    with tempfile.TemporaryDirectory(prefix="impasto-bench-") as name:
        folder = Path(name)
        clip = make_clip(folder / "clip.mp4", seconds=2, size="320x180")
        calm = run("undisturbed", folder, clip, killing=False)
        rough = run("killed", folder, clip, killing=True)
    runs = [calm, rough]
    ratio = calm.seconds / rough.seconds if rough.seconds and not rough.unfinished else 0.0
    peak = max(dot.y for run in runs for dot in run.intermediates)
    goals = [
        Goal(
            "videos not finished",
            "0",
            str(calm.unfinished + rough.unfinished),
            calm.unfinished + rough.unfinished == 0,
        ),
        Goal(
            "messages in poison",
            "0",
            str(calm.poison + rough.poison),
            calm.poison + rough.poison == 0,
        ),
        Goal("intermediates left", "0", str(calm.left + rough.left), calm.left + rough.left == 0),
        Goal("rate under kills ÷ undisturbed", "≥ 0.5", f"{ratio:.2f}", ratio >= 0.5),
    ]
    words = (
        f"{VIDEOS:,} clips of two seconds, 320×180, style `{FOLDER}`, dropped at once into a stack"
        f" of {NODES} nodes, and one in `{LATE_FOLDER}` dropped when {LATE_SHARE:.0%} of them were"
        f" finished. In the second run {rough.kills} processes were killed, one every"
        f" {KILL_SECONDS[0]:.0f} to {KILL_SECONDS[1]:.0f} seconds. Intermediates were never over"
        f" {peak:.0f} MiB."
    )
    return Report(
        goals,
        [
            words,
            moments(runs),
            Plot("crowd.svg", "Outputs and intermediates over time", plot(runs)),
            memory(runs),
        ],
    )


def moments(runs: Sequence[CrowdRun]) -> Table:
    columns = (
        "",
        "all done, s",
        "first output, s",
        "late video, s",
        "places out of order",
        "peak of intermediates, MiB",
    )
    return Table(
        columns,
        [
            (
                run.name,
                f"{run.seconds:.0f}",
                f"{run.first:.1f}",
                f"{run.late:.1f}",
                f"{run.disorder:.1f}",
                f"{max(dot.y for dot in run.intermediates):.1f}",
            )
            for run in runs
        ],
    )


def memory(runs: Sequence[CrowdRun]) -> Table:
    services = sorted({service for run in runs for service in run.memory})
    rows = [(service, *(f"{run.memory[service]:.0f}" for run in runs)) for service in services]
    return Table(("most memory, MiB", *(run.name for run in runs)), rows)


def plot(runs: Sequence[CrowdRun]) -> str:
    panels = [
        Panel("outputs", {run.name: run.outputs for run in runs}, linear=True, radius=2),
        Panel(
            "intermediates, MiB",
            {run.name: run.intermediates for run in runs},
            linear=True,
            radius=2,
        ),
    ]
    return svg(panels, "seconds since the drop")


if __name__ == "__main__":
    logs.configure("bench", "error")
    told = report()
    tell(told)
    draw(told)
