"""One service in this process, alone with storage, which its roles in Azure limit.

Nobody else takes its messages, so that what it rarely does can be made to happen.
"""

import errno
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest.mock import patch

from services.console.accounts import Accounts
from shared.arrivals import event_of, lane_of
from shared.clusters.settings import WorkerSettings
from shared.jobs import Jobs
from shared.messages import (
    BlobCreated,
    Body,
    ChunkPlanned,
    ChunkScored,
    SegmentPlanned,
    SegmentReady,
)
from shared.runtime import settling
from shared.runtime.access import Access
from shared.runtime.consumer import Consumer
from shared.runtime.heartbeat import why_not_ready
from shared.runtime.stop import Stop
from shared.runtime.work import Route, Work
from shared.settings import Settings
from shared.storage import LANES, Storage
from tests.support.consuming import consuming
from tests.support.role_proxy import Right, RoleProxy, rights_of
from tests.support.waiting import eventually

CONSUMED = {
    "splitter": ("arrivals", *LANES, "segments"),
    "dispatcher": ("shards",),
    "scorer": ("chunks", "lessons"),
    "stitcher": ("scored",),
}
KINDS: dict[str, type[Body]] = {
    "arrivals": BlobCreated,
    **dict.fromkeys(LANES, BlobCreated),
    "lessons": BlobCreated,
    "segments": SegmentPlanned,
    "shards": SegmentReady,
    "chunks": ChunkPlanned,
    "scored": ChunkScored,
}
DETAILS: dict[str, dict[str, Any]] = {
    "segments": {"segment": 0},
    "shards": {"segment": 0, "items": 1, "shards": 1},
    "chunks": {"segment": 0, "chunk": 0, "model": "m", "first_shard": 0, "shards": 1},
    "scored": {"segment": 0, "chunk": 0},
}
#: Every handler reads of a job before anything else.
FIRST = Right("container", "jobs", "read")


class Scene:
    """The service behind its proxy, and storage as a person reaches it."""

    def __init__(self, service: str, accounts: Accounts, folder: Path) -> None:
        self.service = service
        self.queues = CONSUMED[service]
        self.storage = Storage(accounts.settings())
        self.proxy = RoleProxy(accounts, rights_of(service))
        self._heartbeat = folder / "heartbeat"
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(self.proxy)
        # A second instead of ten.
        self._open.enter_context(patch.object(settling, "REFUSED_SECONDS", 0.1))
        check = Access.check

        def check_uncounted(access: Access) -> bool:
            with self.proxy.not_counting():
                return check(access)

        self._open.enter_context(patch.object(Access, "check", check_uncounted))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    @contextmanager
    def running(self) -> Iterator[None]:
        """The service as its process runs it."""
        module = import_module(f"services.{self.service}.service")
        settings, stop = self.settings(), Stop()
        with consuming(module.build(Storage(settings), settings, stop), stop):
            eventually(lambda: not self.why_not_ready(), f"{self.service} to be ready")
            yield

    @contextmanager
    def handling(self, queue: str, handle: Callable[[Body, Work], None]) -> Iterator[Stop]:
        """Its queue runtime, with this in place of the queue's handler."""
        settings, stop = self.settings(drain_seconds=0), Stop()
        route = Route(queue, KINDS[queue], handle)
        with consuming(Consumer(Storage(settings), settings, stop, [route]), stop):
            yield stop

    def settings(self, **changes: Any) -> Settings:
        kind: type[Settings] = WorkerSettings
        if self.service != "dispatcher":
            own = import_module(f"services.{self.service}.settings")
            kind = getattr(own, f"{self.service.title()}Settings")
        quick = {"idle_seconds": 0.2, "lease_seconds": 10, "heartbeat": self._heartbeat}
        given = self.proxy.accounts.settings().model_dump(exclude_unset=True)
        return kind.model_validate(given | quick | changes)

    def why_not_ready(self) -> str | None:
        return why_not_ready(self._heartbeat)

    def message_of_ended_job(self, queue: str) -> tuple[str, Body]:
        """A job that was refused, of which something is left, and a message of it that is late."""
        if issubclass(KINDS[queue], BlobCreated):
            event = self._event_for(queue)
            self._end(event.job)
            return event.job, renamed_folder(event) if queue == "arrivals" else event
        job = f"{queue}-0123456789ab"
        self._end(job)
        return job, KINDS[queue].model_validate({"trace": "t", "job": job} | DETAILS[queue])

    def _event_for(self, queue: str) -> BlobCreated:
        container = self.storage.container("styles" if queue == "lessons" else "input")
        blobs = (f"folder-{number}/late" for number in range(1000))
        blob = next(blob for blob in blobs if queue not in LANES or lane_of(blob) == queue)
        return event_of(container, blob, container.write(blob, b"x"), 1)

    def _end(self, job: str) -> None:
        jobs = Jobs(self.storage)
        jobs.fail(job, None, "refused", "it was no good")
        for container in (jobs.shards, jobs.scored, jobs.segments):
            container.write(f"{job}/00000/left", b"left over")

    def leftovers(self, job: str) -> list[str]:
        jobs = Jobs(self.storage)
        containers = (jobs.shards, jobs.scored, jobs.segments)
        return [blob.name for each in containers for blob in each.under(f"{job}/")]


def renamed_folder(event: BlobCreated) -> BlobCreated:
    """The event of the folder that has this blob now."""
    subject = event.subject.rpartition("/")[0]
    update = {"event_type": "Microsoft.Storage.DirectoryRenamed", "subject": subject}
    return event.model_copy(update=update)


def no_room(_message: Body, _work: Work) -> None:
    raise OSError(errno.ENOSPC, "no space left on device")


def until_told_to_leave(entered: threading.Event) -> Callable[[Body, Work], None]:
    def handle(_message: Body, work: Work) -> None:
        entered.set()
        pause = threading.Event()
        while True:
            work.check()
            pause.wait(0.05)

    return handle
