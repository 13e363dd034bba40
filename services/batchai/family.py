"""Every process that a job has started, however it has hidden: found in /proc, and ended.

A descendant that has left its session, group and parent is found by its parent, which by then is
the node's process (a subreaper), and by the job's mark in its environment, also after that
process was killed. Needs no rights. Where there is no /proc, only the process group is found.
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
#: The name of the variable that marks a job's processes; its value is the run.
MARK = "IMPASTO_BATCHAI_RUN"
KILL_SECONDS = 5


def adopt_orphans() -> None:
    """This process becomes the parent of descendants whose own parent has ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans(but: int) -> None:
    """Without them, zombies would count against the limit of processes."""
    if sys.platform != "linux":
        return
    with contextlib.suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid == but:
                return
            os.waitpid(ended.si_pid, 0)


def family(run: str, root: int = 0) -> set[int]:
    """Those of the run that live, and all beneath `root`, but neither that nor this process."""
    parents = dict(living())
    members = {pid for pid in parents if pid == root or marked(pid, run)}
    while more := {pid for pid, parent in parents.items() if parent in members} - members:
        members |= more
    return members - {root, os.getpid()}


def send_all(run: str, root: int, leader: int, number: signal.Signals) -> None:
    """To each of them once; where there is no /proc, to the group of `leader`."""
    members = family(run, root)
    for pid in members:
        send(pid, number)
    if not members:
        send_group(leader, number)


def kill_all(run: str, root: int = 0, seconds: float = KILL_SECONDS) -> bool:
    """Until none is left, also of those that are started meanwhile; whether that came true."""
    until = time.monotonic() + seconds
    while members := family(run, root):
        if time.monotonic() > until:
            return False
        for pid in members:
            send(pid, signal.SIGKILL)
        time.sleep(0.005)
    return True


def living() -> Iterator[tuple[int, int]]:
    """Each process and its parent; without those that only wait to be reaped."""
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
