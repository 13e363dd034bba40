"""What every runtime is given to do: note that a message was begun, take a while, note its end."""

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
    """In one write at the end of the file, so that nothing of it is lost with the process."""
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
