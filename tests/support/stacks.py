"""Whole stacks for tests, and the command `impasto`."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.console.stack import Stack
from tests.support.leftovers import assert_nothing_is_left
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
#: A short clip gets several segments, and waits are short.
QUICK = {
    "IMPASTO_SEGMENT_SECONDS": "1",
    "IMPASTO_IDLE_SECONDS": "0.3",
    "IMPASTO_LEASE_SECONDS": "2",
}


def impasto(*arguments: str | Path, timeout: float = 240) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "services.console", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | QUICK | {"COLUMNS": "500"},  # long paths stay in one line
        cwd=ROOT,
        timeout=timeout,
        check=False,
    )


def lines(result: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


class Up:
    """A running `impasto up`."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._log = data.parent / f"{data.name}-up.log"
        with self._log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.console", "up", "--data", str(data)],
                stdout=out,
                stderr=out,
                env=os.environ | QUICK,
                cwd=ROOT,
            )
        eventually(self._is_up, "the stack to be up")

    def _is_up(self) -> bool:
        assert self._process.poll() is None, self.output()
        return "BlobEndpoint" in self.output()

    def output(self) -> str:
        return self._log.read_text()

    def ctrl_c(self) -> int:
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(60)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def stack_in(folder: Path, nodes: int | None = None) -> Iterator[Stack]:
    """A stack. After the test it must have no work left and no messages in poison."""
    with Stack(folder, nodes) as stack:
        yield stack
        if stack.pids():  # unless the test has closed it
            assert_nothing_is_left(stack.storage)
