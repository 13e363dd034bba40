"""Finds, signals and kills all processes that a job has started.

A process that left its parent, process group and session is still found: its parent is then the
node agent (a subreaper), and its environment has the job's mark, also after the agent was killed.
This needs no privileges. Where there is no /proc, only the process group is found.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
#: The environment variable that marks a job's processes; its value is the run.
MARK = "IMPASTO_BATCHAI_RUN"
KILL_SECONDS = 5


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose own parent has ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans(but: int) -> None:
    """Zombies would count against the limit on processes."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid == but:
                return
            os.waitpid(ended.si_pid, 0)


def find_all(run: str, root: int = 0) -> set[int]:
    """All living processes of the run or below `root`, without `root` and this process."""
    parents = dict(living())
    members = {pid for pid in parents if pid == root or marked(pid, run)}
    while more := {pid for pid, parent in parents.items() if parent in members} - members:
        members |= more
    return members - {root, os.getpid()}


def send_all(run: str, root: int, leader: int, number: signal.Signals) -> None:
    """Signal each of them once; where there is no /proc, the process group of `leader`."""
    members = find_all(run, root)
    for pid in members:
        send(pid, number)
    if not members:
        send_group(leader, number)


def kill_all(run: str, root: int = 0, seconds: float = KILL_SECONDS) -> bool:
    """Kill until none is left, including new ones; False if some are left after `seconds`."""
    until = time.monotonic() + seconds
    while members := find_all(run, root):
        if time.monotonic() > until:
            return False
        for pid in members:
            send(pid, signal.SIGKILL)
        time.sleep(0.005)
    return True


def living() -> Iterator[tuple[int, int]]:
    """Each process, except zombies, with its parent."""
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            facts = (path / "stat").read_text(errors="replace")
            state, parent = facts.rsplit(")", 1)[1].split()[:2]
            if state not in "ZX":
                yield int(path.name), int(parent)


def marked(pid: int, run: str) -> bool:
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"{MARK}={run}".encode() in variables


def send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def send_group(leader: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)
