"""The handler for every runtime: notes the beginning, sleeps, and notes the end."""

import os
import time
from pathlib import Path
from typing import NamedTuple

NOTES, SECONDS = "BENCH_NOTES", "BENCH_SECONDS"


def handle(number: int) -> None:
    note(f"began {number}\n")
    time.sleep(float(os.environ[SECONDS]))
    note(f"ended {number}\n")


def note(line: str) -> None:
    """Append in one unbuffered write, so that nothing is lost if the process is killed."""
    with Path(os.environ[NOTES]).open("ab", buffering=0) as file:
        file.write(line.encode())


class Notes(NamedTuple):
    began: list[int]
    ended: list[int]

    @classmethod
    def read(cls, path: Path) -> "Notes":
        found = cls([], [])
        for line in path.read_text().splitlines():
            what, number = line.split()
            (found.began if what == "began" else found.ended).append(int(number))
        return found
