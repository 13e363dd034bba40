"""Our policy: workers pull chunks, and the dispatcher's code decides on the number of workers.

`cut_into_chunks`, `has_room` and `Workforce` are the dispatcher's. Of queues and scorers, only
their times are simulated. Splitting is assumed to keep up.
"""

import random
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from math import ceil

from benchmarks.scale.policies import Outcome, PolicyRun
from benchmarks.scale.simulation import Conditions, Node
from services.dispatcher.service import RECONCILE_SECONDS
from services.dispatcher.sizing import cut_into_chunks, has_room, workers_for
from services.dispatcher.workforce import Workforce
from services.splitter.settings import SplitterSettings
from shared.clusters.settings import WorkerSettings
from shared.clusters.state import WorkerState
from shared.runtime.consumer import CLOSED_PAUSE
from workloads.video.splitting.decoder import SHARD_FRAMES

EPOCH = datetime(2018, 5, 1, tzinfo=UTC)
SEGMENT_FRAMES = 250
#: How many of a job's segments are in flight.
AHEAD = SplitterSettings().segments_ahead
#: Measured on Azurite: sending a message, several at a time; and a chunk's cost besides its shards.
SEND_SECONDS = 0.003
CHUNK_SECONDS = 0.035
LEASE_SECONDS = 30.0
LONGEST_PAUSE = 2.0
IDLE_EXIT_SECONDS = 30.0

#: The frames of each of its shards.
Chunk = list[int]


def moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else EPOCH + timedelta(seconds=seconds)


class PulledChunks(PolicyRun):
    """The dispatcher and its queue; it is also the cluster that the workforce starts workers on."""

    def __init__(self, conditions: Conditions) -> None:
        super().__init__(conditions)
        self.nodes = conditions.nodes
        self.idle: list[Worker] = []
        self.chance = random.Random(conditions.seed)
        self._workers: list[Worker] = []
        self._workforce = Workforce(
            self, WorkerSettings(nodes=conditions.nodes), lambda: None, self._now
        )
        self._chunks: deque[Chunk] = deque()
        self._unfinished = 0
        self._to_send = self._chunks_to_send(conditions.frames)
        self._sending = self._reconciling = False
        self._send()

    # The dispatcher

    def _chunks_to_send(self, frames: int) -> Iterator[list[Chunk]]:
        """Segment by segment."""
        while frames:
            items = min(SEGMENT_FRAMES, frames)
            frames -= items
            shards = [min(SHARD_FRAMES, items - n) for n in range(0, items, SHARD_FRAMES)]
            at_once = min(AHEAD, 1 + ceil(frames / SEGMENT_FRAMES))
            found = cut_into_chunks(len(shards), frames // SHARD_FRAMES, self.nodes, at_once)
            yield [shards[chunk.first_shard : chunk.first_shard + chunk.shards] for chunk in found]

    def _send(self) -> None:
        self._sending = False
        chunks = next(self._to_send, None)
        if chunks is None:
            return
        self._unfinished += len(chunks)
        for chunk in chunks:
            self.put(chunk)
        self._reconcile_after(0)
        self._send_soon(SEND_SECONDS * len(chunks))

    def _send_soon(self, seconds: float) -> None:
        if not self._sending and has_room(self._unfinished, self.nodes):
            self._sending = True
            self.clock.after(seconds, self._send)

    def _reconcile_after(self, seconds: float) -> None:
        if not self._reconciling:
            self._reconciling = True
            self.clock.after(seconds, self._reconcile)

    def _reconcile(self) -> None:
        self._reconciling = False
        self._workforce.refresh()
        self._workforce.start(workers_for(self._unfinished))

    # The queue

    def put(self, chunk: Chunk) -> None:
        self._chunks.append(chunk)
        if self.idle:
            self.idle.pop(0).wake()

    def take(self) -> Chunk | None:
        return self._chunks.popleft() if self._chunks else None

    def settled(self) -> None:
        self._unfinished -= 1
        self._send_soon(CLOSED_PAUSE)

    # The cluster

    def _now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.clock.now)

    def refresh(self) -> list[WorkerState]:
        return [worker.state for worker in self._workers]

    def why_no_node(self) -> str | None:
        return None

    def end_of_log(self, worker: str) -> str:
        return worker

    def start(self, workers: int) -> None:
        for _ in range(workers):
            worker = Worker(self, len(self._workers))
            self._workers.append(worker)
            self.cluster.submit(worker)

    def cancel(self, worker: str) -> None:
        raise AssertionError(f"{worker} was cancelled, which never happens in this simulation")

    def delete_old_jobs(self) -> None:
        return

    def left(self, worker: "Worker", node: Node) -> None:
        self.cluster.done(node)
        self._reconcile_after(RECONCILE_SECONDS)

    def close(self) -> None:
        return


class Worker:
    """Takes chunks until there have been none for a while; starts again if its node fails."""

    def __init__(self, ours: PulledChunks, number: int) -> None:
        self._ours = ours
        self._clock = ours.clock
        self._name = f"worker-{number:04}"
        self._asked = self._clock.now
        self._started: float | None = None
        self._ended: float | None = None
        self._node: Node | None = None
        self._chunk: Chunk = []
        self._began = self._seconds = 0.0
        self._last_done = 0.0

    @property
    def state(self) -> WorkerState:
        asked = EPOCH + timedelta(seconds=self._asked)
        return WorkerState(self._name, asked, moment(self._started), moment(self._ended))

    def begin(self, node: Node) -> None:
        self._node = node
        self._started = self._last_done = self._clock.now
        self._after(node.start_up(), self._look)

    def lost(self, node: Node) -> None:
        """Keep the finished shards; the rest of the chunk returns when its lease expires."""
        self._node = self._started = None
        if self in self._ours.idle:
            self._ours.idle.remove(self)
        if not self._chunk:
            return
        part = max(0.0, self._clock.now - self._began) / self._seconds
        frames = part * sum(self._chunk)
        while len(self._chunk) > 1 and frames >= self._chunk[0]:
            frames -= self._chunk[0]
            self._ours.painted(self._chunk.pop(0))
        self._ours.lost(min(frames, self._chunk[0]))
        left, self._chunk = self._chunk, []
        self._clock.after(LEASE_SECONDS, lambda: self._ours.put(left))

    def wake(self) -> None:
        """Poll again after a random part of the longest pause."""
        self._after(self._ours.chance.uniform(0, LONGEST_PAUSE), self._look)

    def _look(self) -> None:
        assert self._node
        chunk = self._ours.take()
        if chunk is None:
            self._ours.idle.append(self)
            waited_since = self._last_done
            self._after(IDLE_EXIT_SECONDS, lambda: self._leave(waited_since))
            return
        self._chunk = chunk
        self._began = self._clock.now
        self._seconds = CHUNK_SECONDS + self._node.seconds(sum(chunk))
        self._after(self._seconds, self._done)

    def _done(self) -> None:
        frames, self._chunk = sum(self._chunk), []
        self._last_done = self._clock.now
        self._ours.painted(frames)
        self._ours.settled()
        self._look()

    def _leave(self, waited_since: float) -> None:
        if self in self._ours.idle and self._last_done == waited_since and self._node:
            self._ours.idle.remove(self)
            self._ended = self._clock.now
            self._ours.left(self, self._node)

    def _after(self, seconds: float, act: Callable[[], None]) -> None:
        """Act later, if it is still on this node then."""
        node = self._node

        def if_still_there() -> None:
            if self._node is node and self._ended is None:
                act()

        self._clock.after(seconds, if_still_there)


def pulled_chunks(conditions: Conditions) -> Outcome:
    return PulledChunks(conditions).outcome()
