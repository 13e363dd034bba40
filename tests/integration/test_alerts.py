"""Each alert of deploy/alerts.json rings when what it is for happens, and not before."""

import errno
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from pydantic import SecretStr

from services.dispatcher.measures import HELP, Measures
from services.dispatcher.workforce import Workforce
from shared.clusters.queue.backend import Replicas
from shared.clusters.settings import WorkerSettings
from shared.clusters.state import WorkerState
from shared.errors import Unavailable
from shared.messages import ChunkPlanned, SegmentPlanned
from shared.prepare import prepare
from shared.runtime.consumer import Consumer
from shared.runtime.stop import Stop
from shared.runtime.work import Route, Work
from shared.settings import Settings
from shared.storage import Storage
from shared.telemetry.metrics import REGISTRY, on_demand
from tests.integration.conftest import JOB, PLANNED, Spawn
from tests.support.consuming import consuming
from tests.support.probing import asked
from tests.support.promql import evaluate, samples_of
from tests.support.waiting import eventually

RULES = {
    rule["name"]: rule["promql"]
    for rule in json.loads((Path(__file__).parents[2] / "deploy/alerts.json").read_text())["rules"]
    if "promql" in rule
}
CHUNK = ChunkPlanned(
    trace="t-1", job=JOB, segment=0, chunk=0, model="pencil", first_shard=0, shards=1
)
START = ""


class Pool(Replicas):
    """Replicas, of which some have failed."""

    def __init__(self, failed: int = 0) -> None:
        super().__init__(nodes=2)
        self.failed = failed

    def refresh(self) -> list[WorkerState]:
        first = datetime(2026, 1, 1, tzinfo=UTC)
        times = [first + timedelta(minutes=number) for number in range(self.failed)]
        return [
            WorkerState(
                f"w-{at}", at, at, at + timedelta(seconds=5), failed=True, why="exit code 1"
            )
            for at in times
        ]


class Watched:
    """What a dispatcher measures, at a time that the test chooses."""

    def __init__(self, storage: Storage, pool: Pool) -> None:
        self.later = timedelta(0)
        self.workforce = Workforce(pool, WorkerSettings(), lambda: None, self.now)
        self._storage = storage

    def now(self) -> datetime:
        return datetime.now(UTC) + self.later

    def ringing(self, before: str = START) -> set[str]:
        """The alerts that ring, by a fresh measurement."""
        on_demand("dispatcher", HELP, Measures(self._storage, self.workforce, self.now))
        return ringing(generate_latest(REGISTRY).decode(), before)


def ringing(now: str, before: str = START) -> set[str]:
    after, earlier = samples_of(now), samples_of(before)
    return {name for name, query in RULES.items() if evaluate(query, after, earlier)}


@pytest.fixture
def pool() -> Pool:
    return Pool()


@pytest.fixture
def watched(storage: Storage, pool: Pool) -> Iterator[Watched]:
    yield Watched(storage, pool)
    on_demand("dispatcher", {}, lambda: [])


@pytest.fixture
def before(watched: Watched) -> str:
    """The counters of this process, which other tests have raised."""
    on_demand("dispatcher", {}, lambda: [])  # another test's dispatcher has a storage that is gone
    return generate_latest(REGISTRY).decode()


def test_nothing_rings_while_nothing_is_wrong(
    watched: Watched, storage: Storage, before: str
) -> None:
    storage.queue("chunks").send(CHUNK)
    storage.container("shards").write(f"{JOB}/00000/0000.tar", b"x")
    assert watched.ringing(before) == set()


def test_poison(watched: Watched, storage: Storage, before: str) -> None:
    storage.poison("scored").send_text("nonsense")
    assert watched.ringing(before) == {"poison"}
    storage.poison("scored").clear()
    assert watched.ringing(before) == set()


def test_a_chunk_waits_though_nodes_are_idle(
    watched: Watched, storage: Storage, before: str
) -> None:
    storage.queue("chunks").send(CHUNK)
    watched.later = timedelta(minutes=9)
    assert watched.ringing(before) == set()
    watched.later = timedelta(minutes=11)
    assert watched.ringing(before) == {"waiting-with-idle-nodes"}
    storage.queue("chunks").clear()
    assert watched.ringing(before) == set()


def test_no_worker_starts(watched: Watched, pool: Pool, before: str) -> None:
    pool.failed = 2
    watched.workforce.refresh()
    assert watched.ringing(before) == set()
    pool.failed = 3
    watched.workforce.refresh()
    assert watched.ringing(before) == {"no-worker-starts"}


def test_a_job_stands_still(watched: Watched, storage: Storage, before: str) -> None:
    storage.container("shards").write(f"{JOB}/00000/0000.tar", b"x")
    watched.later = timedelta(minutes=14)
    assert watched.ringing(before) == set()
    watched.later = timedelta(minutes=16)
    assert watched.ringing(before) == {"job-stands-still"}
    failed = b'{"job":"%s","source":null,"state":"failed","reason":"r","at":"2026-01-01T00:00:00Z"}'
    storage.container("jobs").write(f"{JOB}/outcome.json", failed % JOB.encode())
    assert watched.ringing(before) == set(), "a failed job keeps its intermediates"


def test_the_disk_is_full(
    watched: Watched, storage: Storage, settings: Settings, before: str
) -> None:
    full = threading.Event()

    def handle(message: SegmentPlanned, work: Work) -> None:
        if not full.is_set():
            full.set()
            raise OSError(errno.ENOSPC, "no space left on device")

    stop = Stop()
    routes = [Route("segments", SegmentPlanned, handle)]
    with consuming(Consumer(storage, settings, stop, routes), stop):
        storage.queue("segments").send(PLANNED)
        eventually(lambda: watched.ringing(before), "the alert")
    assert watched.ringing(before) == {"disk"}


def test_storage_throttles(watched: Watched, settings: Settings, before: str) -> None:
    with busy_server() as url:
        connection = f"DefaultEndpointsProtocol=http;AccountName=x;AccountKey=eA==;{url}"
        busy = settings.model_copy(
            update={"work_connection": SecretStr(connection), "outage_seconds": 0}
        )
        queue = Storage(busy).queue("segments")
        for _ in range(101):
            with pytest.raises(Unavailable):
                queue.receive(1)
    assert watched.ringing(before) == {"throttled"}


def test_storage_refuses(settings: Settings, spawn: Spawn) -> None:
    unprepared = settings  # without any container or queue
    process = spawn("quick", health_port=0)
    [line] = eventually(lambda: process.logged("answering http"), "the port")
    port = line["port"]
    rung = eventually(lambda: ringing(asked(port, "/metrics")[1]), "the alert")
    assert rung == {"storage-refuses"}
    prepare(Storage(unprepared))
    eventually(lambda: not ringing(asked(port, "/metrics")[1]), "the end of the alert")


@contextmanager
def busy_server() -> Iterator[str]:
    """Answers 503 to every request."""

    class Busy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """The test counts."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Busy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/x"
        yield f"BlobEndpoint={url};QueueEndpoint={url};"
    finally:
        server.shutdown()
        server.server_close()
