"""Runs a worker in a process of its own, whose outputs go through this one.

This one passes them on. It outlives the worker, so it has the last words of one that crashes, and
knows what has killed it.
"""

import ctypes
import faulthandler
import os
import select
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress

from shared.runtime.stop import Stop
from shared.storage import Storage
from shared.telemetry import spans
from shared.telemetry.exporting import job_log_of
from shared.telemetry.raw_output import CurrentWork, RawOutput

PR_SET_PDEATHSIG = 1
READ_BYTES = 1 << 16
#: By file descriptor.
STREAMS = {1: "stdout", 2: "stderr"}


def run_in_own_process(storage: Storage, service: str, stop: Stop) -> None:
    """Return in a new process; in this one, exit like the new one when that has ended.

    No thread may run yet. The two share `stop`: the worker leaves when either is told to.
    """
    work, here = CurrentWork(), os.getpid()
    pipes = {stream: os.pipe() for stream in STREAMS}
    sys.stdout.flush()
    sys.stderr.flush()
    worker = os.fork()
    for stream, (ours, theirs) in pipes.items():
        if not worker:
            os.close(ours)
            os.dup2(theirs, stream)
        os.close(theirs)
    if not worker:
        die_with(here)
        faulthandler.enable()
        spans.sinks.append(work)
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.request())
    job_log = job_log_of(storage, service)
    output = RawOutput(service, work, job_log)
    status = pass_on({ours: stream for stream, (ours, _) in pipes.items()}, output, worker)
    code = os.waitstatus_to_exitcode(status)
    output.close(f"its process was killed by {signal.Signals(-code).name}" if code < 0 else None)
    job_log.close()
    os._exit(code if code >= 0 else 128 - code)


def die_with(parent: int) -> None:
    """Have this process killed when its parent is."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(128 + signal.SIGKILL)


def pass_on(pipes: Mapping[int, int], output: RawOutput, worker: int) -> int:
    """Read from these pipes what goes to these descriptors, until the worker's end; its status."""
    status: list[int] = []
    ended, ending = os.pipe()

    def wait() -> None:
        status.append(os.waitpid(worker, 0)[1])
        os.close(ending)

    threading.Thread(target=wait, name="wait", daemon=True).start()
    open_pipes = set(pipes)
    while True:
        readable = select.select([ended, *open_pipes], [], [])[0]
        for pipe in open_pipes.intersection(readable):
            data = os.read(pipe, READ_BYTES)
            if not data:
                open_pipes.remove(pipe)
            output.add(STREAMS[pipes[pipe]], data)
            with suppress(OSError):  # nobody reads it any more
                write(pipes[pipe], data)
        # What the worker has left in the pipes is read first; processes of it may still hold them.
        if readable == [ended]:
            return status[0]


def write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
