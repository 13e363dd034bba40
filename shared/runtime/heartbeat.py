"""Tells whether the service in this container is alive: `python -m shared.runtime.heartbeat`.

The loop of a service touches a file that holds its process id, unless the handler has made no
progress for too long. If the file is too old, the loop or the handler is stuck, and this command
exits with an error. If it is still stuck half a minute after that was first found, this command
kills the process, so that whatever runs the service starts it again. With `--ready` it also exits
with an error if the service takes no work, which a restart wouldn't help. Where the service has an
HTTP port (IMPASTO_HEALTH_PORT), that has to answer `/livez` or `/readyz` as well.
"""

import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

#: A loop may be held up by a call that storage doesn't answer, and by nothing longer.
OLDEST_SECONDS = 30
#: How long the HTTP port may take to answer.
ANSWER_SECONDS = 10.0
READY = "ready"


def beat(heartbeat: Path, why_hung: Callable[[], str | None] = lambda: None) -> Callable[[], None]:
    """Return a function to call in each turn of the loop. It ignores a full disk.

    While the handler is hung, the file isn't touched, though the loop turns.
    """

    def touch() -> None:
        with suppress(OSError):
            if why := why_hung():
                heartbeat.with_suffix(".hung").write_text(why)
            else:
                heartbeat.touch()

    with suppress(OSError):
        heartbeat.with_suffix(".hung").unlink(missing_ok=True)
        heartbeat.write_text(str(os.getpid()))
    return touch


def why_stuck(heartbeat: Path) -> str | None:
    try:
        age = time.time() - heartbeat.stat().st_mtime
    except FileNotFoundError:
        return "its loop hasn't begun"
    if age <= OLDEST_SECONDS:
        return None
    hung = heartbeat.with_suffix(".hung")
    if hung.exists() and time.time() - hung.stat().st_mtime <= OLDEST_SECONDS:
        return hung.read_text()
    return f"its loop has stood still for {age:.0f} s"


def kill_if_still_stuck(heartbeat: Path) -> None:
    """Kill the process if the last beat has been the same since an earlier call.

    One old beat doesn't suffice: the machine may have slept.
    """
    note = heartbeat.with_suffix(".still")
    last_beat = str(heartbeat.stat().st_mtime_ns)
    if not note.exists() or note.read_text() != last_beat:
        note.write_text(last_beat)
    elif time.time() - note.stat().st_mtime > OLDEST_SECONDS:
        with suppress(ProcessLookupError, ValueError):  # it may be empty, from a full disk
            os.kill(int(heartbeat.read_text()), signal.SIGKILL)


def note_ready(heartbeat: Path, missing: Sequence[str]) -> None:
    """Note that the service takes work, or the rights that are missing."""
    with suppress(OSError):
        heartbeat.with_suffix(".ready").write_text("\n".join(missing) or READY)


def note_worked(heartbeat: Path) -> None:
    """Note that the service has started well: it has done something, or found nothing to do."""
    with suppress(OSError):
        heartbeat.with_suffix(".worked").touch()


def has_worked(heartbeat: Path) -> bool:
    return heartbeat.with_suffix(".worked").exists()


def why_not_ready(heartbeat: Path) -> str | None:
    note = heartbeat.with_suffix(".ready")
    text = note.read_text() if note.exists() else "it hasn't checked its rights yet"
    return None if text == READY else f"not ready: {text}"


def refusal_of(port: str, page: str) -> str | None:
    """Why the service's own HTTP port says that it isn't well; None if it is."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{page}", timeout=ANSWER_SECONDS):
            return None
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode(errors="replace")
    except OSError as error:
        return f"it doesn't answer on port {port}: {error}"


if __name__ == "__main__":
    path = Path(os.environ["IMPASTO_HEARTBEAT"])
    stuck = why_stuck(path)
    if stuck and path.exists():
        kill_if_still_stuck(path)
    ready = "--ready" in sys.argv
    if asked := os.environ.get("IMPASTO_HEALTH_PORT"):
        stuck = stuck or refusal_of(asked, "/readyz" if ready else "/livez")
    sys.exit(stuck or (why_not_ready(path) if ready else None))
