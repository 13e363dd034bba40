"""Invalid messages for every queue, and where each must end."""

import base64
import itertools
import json
import random
import time
from datetime import UTC, datetime
from typing import NamedTuple

from benchmarks.soak.counts import Counts
from shared import names
from shared.arrivals import queue_of
from shared.messages import (
    BlobCreated,
    Body,
    ChunkPlanned,
    ChunkScored,
    SegmentPlanned,
    SegmentReady,
    encode,
)
from shared.storage import QUEUES, Storage

MARK = "invalid"
KINDS = ["not base64", "not JSON", "wrong schema", "other version", "no job", "unreadable record"]


class BadMessage(NamedTuple):
    #: In which it must be found in poison.
    queue: str
    text: str
    sent: float
    #: Part of the reason that the poison message must have.
    reason: str | None
    #: The job that must have failed or been refused.
    job: str | None = None


class BadMessageSender:
    def __init__(self, storage: Storage, counts: Counts) -> None:
        self._storage = storage
        self._counts = counts
        self._numbers = itertools.count()
        self.sent: list[BadMessage] = []

    def send_one(self) -> None:
        queue = random.choice(QUEUES)
        kind = random.choice(KINDS)
        found = self._made(kind, queue, f"{MARK}-{next(self._numbers)}")
        self._storage.queue(queue).send_text(found.text)
        self.sent.append(found)
        self._counts.add(f"message: {kind}")

    def _made(self, kind: str, queue: str, mark: str) -> BadMessage:
        real = a_message(queue, mark)
        name = type(real).__name__
        now = time.monotonic()
        match kind:
            case "not base64":
                return BadMessage(queue, f"%{mark}", now, "the body isn't base64")
            case "not JSON":
                return BadMessage(queue, coded(f"{{{mark}"), now, f"not a {name}: Invalid JSON")
            case "wrong schema":
                return BadMessage(queue, coded(json.dumps({"is": mark})), now, f"not a {name}")
            case "other version":
                other = json.loads(real.model_dump_json(by_alias=True))
                changed = {"version": 99, "eventType": "Microsoft.Storage.BlobDeleted"}
                told = {key: changed.get(key, value) for key, value in other.items()}
                return BadMessage(queue, coded(json.dumps(told)), now, f"not a {name}")
        job = real.job if isinstance(real, BlobCreated) else mark
        if kind == "unreadable record":
            self._spoil_records(job)
            # What arrives is put into a lane before anybody reads its records.
            kept = queue
            if queue == "arrivals" and isinstance(real, BlobCreated):
                kept = queue_of(real)
            return BadMessage(kept, encode(real), now, "can't be read")
        reason = None if isinstance(real, BlobCreated) else "Missing"
        return BadMessage(queue, encode(real), now, reason, job)

    def _spoil_records(self, job: str) -> None:
        for record in (names.job_record(job), names.outcome_record(job)):
            self._storage.container("jobs").write(record, b"{not JSON")


def a_message(queue: str, mark: str) -> Body:
    """A valid message about a job that doesn't exist."""
    match queue:
        case "segments":
            return SegmentPlanned(trace=mark, job=mark, segment=0)
        case "shards":
            return SegmentReady(trace=mark, job=mark, segment=0, items=1, shards=1)
        case "chunks":
            return ChunkPlanned(
                trace=mark, job=mark, segment=0, chunk=0, model="original", first_shard=0, shards=1
            )
        case "scored":
            return ChunkScored(trace=mark, job=mark, segment=0, chunk=0)
    return BlobCreated.of(
        event_id=mark,
        url="",
        container="styles" if queue == "lessons" else "input",
        blob=f"{mark}.jpg" if queue == "lessons" else f"original/{mark}.mp4",
        etag="0x0",
        size=1,
        at=datetime.now(UTC),
    )


def coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
