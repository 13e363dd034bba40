"""A service for tests, run as a process of its own: `python -m tests.integration.probe BEHAVIOUR`.

It writes blobs to `logs`: `started/<job>/<anything>` when its handler starts, `ended/…` when that
ends, and `effect/<job>`.
"""

import ctypes
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable

from shared.errors import NotYet, Reject, Retry
from shared.logs import logger
from shared.messages import SegmentPlanned
from shared.runtime.consumer import Consumer
from shared.runtime.serve import serve
from shared.runtime.stop import Stop
from shared.runtime.work import Route, Work
from shared.settings import Settings
from shared.storage import Storage

log = logger()


class Probe:
    def __init__(self, storage: Storage) -> None:
        self.logs = storage.container("logs")
        self.lease = 2.0

    def note(self, what: str, job: str) -> None:
        self.logs.write(f"{what}/{job}/{time.time():.6f}-{os.getpid()}-{uuid.uuid4()}", b"")

    def until_told(self, work: Work) -> None:
        """Go on until there is a blob `go`; stops when asked to."""
        while not self.logs.find("go"):
            work.check()
            time.sleep(0.05)

    def quick(self, work: Work) -> None:
        pass

    def deaf(self, work: Work) -> None:
        """The same, but doesn't stop when asked to."""
        while not self.logs.find("go"):
            time.sleep(0.05)

    def die(self, work: Work) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def longer_than_the_lease(self, work: Work) -> None:
        until = time.monotonic() + 3 * self.lease
        while time.monotonic() < until:
            work.check()
            time.sleep(0.05)

    def reject(self, work: Work) -> None:
        raise Reject("this will never work")

    def fail(self, work: Work) -> None:
        raise ValueError("something broke")

    def tell_a_secret(self, work: Work) -> None:
        raise ValueError(f"it failed with {os.environ['IMPASTO_WORK_CONNECTION']}")

    def hang(self, work: Work) -> None:
        """Make no progress, while the loop turns."""
        threading.Event().wait()

    def burn(self, work: Work) -> None:
        """Use a third of a second of CPU, say so, and go on."""
        enough = time.process_time() + 0.33
        while time.process_time() < enough:
            pass
        log.info("burnt")
        self.until_told(work)

    def write_raw(self, work: Work) -> None:
        """As a scorer that prints, and a library that warns; it also tells a secret."""
        for part in ("half a line", " and its rest\n"):
            sys.stdout.write(part)
            sys.stdout.flush()
        os.write(2, f"a library says {os.environ['IMPASTO_WORK_CONNECTION']}\n".encode())
        self.until_told(work)

    def write_raw_and_die(self, work: Work) -> None:
        os.write(2, b"last words, without an end")
        os.kill(os.getpid(), signal.SIGKILL)

    def crash_in_c(self, work: Work) -> None:
        ctypes.string_at(0)

    def not_yet(self, work: Work) -> None:
        raise Retry("too early", after=2)

    def wait_for_go(self, work: Work) -> None:
        if not self.logs.find("go"):
            raise NotYet("there is no blob go", after=1)


def build_with(behaviour: str) -> Callable[[Storage, Settings, Stop], Consumer]:
    def build(storage: Storage, settings: Settings, stop: Stop) -> Consumer:
        probe = Probe(storage)
        act: Callable[[Work], None] = getattr(probe, behaviour)

        def handle(message: SegmentPlanned, work: Work) -> None:
            probe.note("started", message.job)
            act(work)
            probe.logs.write(f"effect/{message.job}", b"done")
            probe.note("ended", message.job)

        return Consumer(storage, settings, stop, [Route("segments", SegmentPlanned, handle)])

    return build


if __name__ == "__main__":
    apart = sys.argv[1] in ("write_raw", "write_raw_and_die", "crash_in_c")
    serve("probe", Settings, build_with(sys.argv[1]), own_process=apart)
