"""Whether the service beside us is alive: `python -m shared.runtime.heartbeat`, as containers ask.

The service's loop touches a file that has its process id in it; a loop that stands still leaves the
file to grow old. Who asks is told so, by exit status, and a loop that still stands half a minute
after that was first found has its process killed: whatever keeps the service starts it again.
With `--ready` it is told as well whether the service takes work, and what keeps it from that: no
restart helps there.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

#: The longest that a loop is kept from turning is a call that storage doesn't answer.
OLDEST_SECONDS = 30
READY = "ready"


def beat(heartbeat: Path) -> Callable[[], None]:
    """Return what this process's loop has to call in each turn. A full disk is no error."""

    def turn() -> None:
        with suppress(OSError):
            heartbeat.touch()

    with suppress(OSError):
        heartbeat.write_text(str(os.getpid()))
    return turn


def trouble(heartbeat: Path) -> str | None:
    try:
        age = time.time() - heartbeat.stat().st_mtime
    except FileNotFoundError:
        return "its loop hasn't begun"
    if age <= OLDEST_SECONDS:
        return None
    if known_for_long(heartbeat):
        with suppress(ProcessLookupError, ValueError):  # it may be empty, from a full disk
            os.kill(int(heartbeat.read_text()), signal.SIGKILL)
    return f"its loop has stood still for {age:.0f} s"


def known_for_long(heartbeat: Path) -> bool:
    """Whether the same last beat was seen long ago: a machine may have been asleep in between."""
    note = heartbeat.with_suffix(".still")
    last_beat = str(heartbeat.stat().st_mtime_ns)
    if note.exists() and note.read_text() == last_beat:
        return time.time() - note.stat().st_mtime > OLDEST_SECONDS
    note.write_text(last_beat)
    return False


def say_ready(heartbeat: Path, unmet: Sequence[str]) -> None:
    """Whether it takes work: if nothing keeps it from that."""
    with suppress(OSError):
        heartbeat.with_suffix(".ready").write_text("\n".join(unmet) or READY)


def say_worked(heartbeat: Path) -> None:
    """It has done something, or has found nothing to do: it doesn't die of how it starts."""
    with suppress(OSError):
        heartbeat.with_suffix(".worked").touch()


def has_worked(heartbeat: Path) -> bool:
    return heartbeat.with_suffix(".worked").exists()


def unready(heartbeat: Path) -> str | None:
    note = heartbeat.with_suffix(".ready")
    said = note.read_text() if note.exists() else "it hasn't looked yet what it may do"
    return None if said == READY else f"not ready: {said}"


if __name__ == "__main__":
    path = Path(os.environ["IMPASTO_HEARTBEAT"])
    sys.exit(trouble(path) or (unready(path) if "--ready" in sys.argv else None))
