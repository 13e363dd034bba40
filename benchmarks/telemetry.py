"""What traces, metrics and kept logs cost: CPU of the same deliveries with and without, paired.

`python -m benchmarks.telemetry` measures; with a file's name it is the measured service.
"""

import atexit
import os
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from benchmarks.report import Goal, Report, Table, show
from benchmarks.temporary_storage import TemporaryStorage, temporary_storage
from services.console.follow import follow
from services.console.stack import Stack
from shared import logs
from shared.control.job_control import JobControl
from shared.control.job_lines import JobLines
from shared.control.time_spent import time_spent
from shared.control.traces import trace_from
from shared.messages import ChunkScored, SegmentPlanned
from shared.runtime.consumer import Consumer
from shared.runtime.serve import serve
from shared.runtime.stop import Stop
from shared.runtime.work import Route, Work
from shared.settings import Settings
from shared.storage import Storage
from shared.telemetry import spans
from shared.telemetry.spans import Span, recording
from workloads.video import VIDEO

DELIVERIES, ROUNDS = 100, 5
#: Storage requests of one delivery, as of a chunk of four shards, besides those of the runtime.
SHARDS = 4
JOB = "bench-0123456789ab"
CLIP = Path("deploy/sample/bigbuckbunny.mp4")
NOTHING, KEPT, EXPORTED, NO_SHARE = "nothing", "kept by job", "exported", "exported, share 0"


def variants(collector: str) -> dict[str, dict[str, str]]:
    quiet = {"IMPASTO_JOB_LOG_DAYS": "0"}
    exported = quiet | {"IMPASTO_OTLP_ENDPOINT": collector}
    return {
        NOTHING: quiet,
        KEPT: {},
        EXPORTED: exported,
        NO_SHARE: exported | {"IMPASTO_TRACE_SHARE": "0"},
    }


def measured_service(result: Path) -> None:
    """Write the CPU seconds from the first delivery to the process's end."""
    began: list[float] = []

    def build(storage: Storage, settings: Settings, stop: Stop) -> Consumer:
        frames, scored = storage.container("shards"), storage.queue("scored")
        handled = 0

        def handle(message: SegmentPlanned, work: Work) -> None:
            nonlocal handled
            if not began:
                began.append(time.process_time())
            for shard in range(SHARDS):
                data = frames.read(f"{JOB}/00000/{shard:04}.tar")
                with spans.span("upload", shard=shard):
                    frames.write(f"{JOB}/00001/{shard:04}.tar", data)
                work.check()
            scored.send(ChunkScored(trace="t-1", job=JOB, segment=0, chunk=handled))
            handled += 1
            if handled == DELIVERIES:
                stop.request()

        return Consumer(storage, settings, stop, [Route("segments", SegmentPlanned, handle)])

    atexit.register(lambda: result.write_text(str(time.process_time() - began[0])))
    serve("bench", Settings, build)


def cpu_of_deliveries(here: TemporaryStorage, environment: dict[str, str]) -> float:
    """CPU seconds of one delivery."""
    queue = here.storage.queue("segments")
    for number in range(DELIVERIES):
        queue.send(SegmentPlanned(trace="t-1", job=JOB, segment=number))
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "cpu"
        subprocess.run(
            [sys.executable, "-m", "benchmarks.telemetry", str(result)],
            env=os.environ | here.accounts.environment() | environment,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        return float(result.read_text()) / DELIVERIES


@contextmanager
def collector() -> Iterator[str]:
    """Takes everything and keeps nothing."""

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """No news."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def span_without_sink() -> float:
    """Seconds for a delivery's span, with an event and four parts, where nothing keeps it."""

    def delivery() -> None:
        with recording(Span("process chunks", "1" * 32, JOB)) as span:
            span.add_event("retried", why="too early")
            for _ in range(SHARDS):
                with spans.span("upload"):
                    pass

    return min(timeit.repeat(delivery, number=2000, repeat=5)) / 2000


def whole_job() -> tuple[float, int]:
    """CPU seconds of all services for the sample clip, and its deliveries."""
    with (
        tempfile.TemporaryDirectory(prefix="impasto-bench-") as folder,
        Stack(Path(folder)) as stack,
    ):
        control = JobControl(stack.storage)
        job = control.submit(VIDEO, CLIP, f"great-wave/{CLIP.name}")
        list(follow(control, [job], Stop()))
        lines = JobLines(stack.storage, job)
        time.sleep(5)  # the log's last lines are written within this time
        trace = trace_from(job, lines.new())
        return sum(time_spent(trace, 0).cpu.values()), len(trace.handlings)


def report() -> Report:
    job_cpu, deliveries = whole_job()
    with temporary_storage() as here, collector() as url:
        for shard in range(SHARDS):
            name = f"{JOB}/00000/{shard:04}.tar"
            here.storage.container("shards").write(name, bytes(100_000))
        rounds = [
            {name: cpu_of_deliveries(here, given) for name, given in variants(url).items()}
            for _ in range(ROUNDS)
        ]
    rows, shares = [], {}
    for name in (NOTHING, KEPT, EXPORTED, NO_SHARE):
        more = [each[name] - each[NOTHING] for each in rounds]
        shares[name] = statistics.median(more) * deliveries / job_cpu
        rows.append(
            (
                name,
                f"{statistics.median(each[name] for each in rounds) * 1000:.2f}",
                f"{statistics.median(more) * 1000:+.2f} ({min(more) * 1000:+.2f} to"
                f" {max(more) * 1000:+.2f})",
                f"{shares[name]:.2%}",
            )
        )
    bare = span_without_sink()
    goals = [
        Goal("CPU of a job with an exporter", "at most 1 % more", f"{shares[EXPORTED]:.2%}",
             shares[EXPORTED] <= 0.01),
        Goal("a delivery's span without an exporter", "nothing", f"{bare * 1e6:.0f} µs",
             bare * deliveries / job_cpu < 1e-4),
    ]  # fmt: skip
    columns = ("", "CPU ms of a delivery", f"more, median of {ROUNDS} pairs", "of a job's CPU")
    return Report(
        goals,
        [
            f"{DELIVERIES} deliveries with {2 * SHARDS} requests to storage each, in a process of"
            f" their own, {ROUNDS} times in turn. The job is the sample clip: {deliveries}"
            f" deliveries, {job_cpu:.1f} s of CPU.",
            Table(columns, rows),
        ],
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measured_service(Path(sys.argv[1]))
    else:
        logs.configure("bench", "error")
        show(report())
