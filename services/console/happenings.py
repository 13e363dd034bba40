"""What the cluster of a stack does, as its Batch AI's or its dispatcher's log tells it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TERMINATED = ": the job was terminated"


class Happenings:
    def __init__(self, log: Path) -> None:
        self._log = log
        self._read = log.stat().st_size

    def news(self) -> Iterator[str]:
        """What has happened since, or since it was last asked for."""
        with self._log.open("rb") as file:
            file.seek(self._read)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._read += len(whole) + len(newline)
        for line in whole.splitlines():
            if line.startswith(b"{") and (said := told(json.loads(line))):
                yield said


def told(line: dict[str, Any]) -> str | None:
    why = f": {line['why']}" if "why" in line else ""
    match line["event"]:
        case "cluster resized":
            name = line.get("cluster", "of workers")
            return f"cluster {name}: {line['before']} → {line['nodes']} nodes"
        case "job started":
            return f"{line['job']} started on {line['node']}"
        case "job ended":
            # To Batch AI a terminated job has failed, but not to us.
            state = "stopped" if TERMINATED in why else line["state"]
            return f"{line['job']} {state}{why.replace(TERMINATED, '')}"
        case "worker asked for" | "worker left" | "worker failed":
            return f"{line['worker']}: {line['event'].removeprefix('worker ')}{why}"
        case "node failed" | "job queued again: its node is gone":
            return f"{line.get('job') or line['node']}: {line['event']}"
    return None
