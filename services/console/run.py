"""`impasto run`: a stack for these videos alone, from the drop to the file in the folder."""

import contextlib
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel

from services.console import terminal
from services.console.cluster_events import ClusterEvents
from services.console.follow import Interrupted, follow
from services.console.job_control import JobControl
from services.console.stack import Stack
from services.console.status import State, Status
from shared.errors import Refused
from shared.models import Models
from shared.runtime.stop import Stop


class Line(BaseModel):
    """What became of one video."""

    input: str
    output: str | None
    state: State
    reason: str | None
    notes: list[str]
    frames: int
    seconds: float


def run(
    videos: Sequence[Path],
    style: str,
    folder: Path,
    nodes: int | None,
    data: Path | None,
    as_json: bool,
) -> bool:
    """Whether all were finished."""
    stop = Stop().on_signals()
    with own_folder(data) as place:
        terminal.say(f"starting Azurite and the services in {place} …")
        with Stack(place, nodes) as stack:
            events = ClusterEvents(stack.log_of_cluster())
            control = JobControl(stack.storage)

            def meanwhile() -> None:
                stack.check()
                show_new(events)

            Models(stack.storage).require(style)
            began = time.monotonic()
            jobs = {control.submit(path, blob): path for path, blob in blob_names(videos, style)}
            lines = [
                deliver(
                    control, jobs[status.job], status, folder, time.monotonic() - began, as_json
                )
                for status in follow(control, list(jobs), stop, meanwhile)
            ]
        show_new(events)
    return len(lines) == len(videos) and all(line.state == "finished" for line in lines)


def show_new(events: ClusterEvents) -> None:
    for line in events.new():
        terminal.say(line)


def deliver(
    control: JobControl, path: Path, status: Status, folder: Path, seconds: float, as_json: bool
) -> Line:
    output = None
    if status.output:
        folder.mkdir(parents=True, exist_ok=True)
        output = folder / Path(status.output).name
        control.fetch(status.output, output)
    line = Line(
        input=str(path),
        output=str(output) if output else None,
        state=status.state,
        reason=status.reason,
        notes=status.notes,
        frames=status.stitched if output else 0,
        seconds=round(seconds, 1),
    )
    if as_json:
        terminal.print_json(line)
    elif output:
        terminal.say(f"{path} → {output}  ({line.frames} frames in {line.seconds} s)", terminal.out)
        for note in line.notes:
            terminal.say(f"  {note}", terminal.out)
    else:
        terminal.say(f"{path}: {status.state}: {status.reason}", terminal.out)
    return line


def blob_names(videos: Sequence[Path], style: str) -> Iterator[tuple[Path, str]]:
    """A name in `input` for each; files of the same name from different folders stay apart."""
    taken: set[str] = set()
    for path in videos:
        base = re.sub(r"[\x00-\x1f\x7f\\]", "_", path.name)
        name, count = base, 1
        while name.lower() in taken:
            count += 1
            name = f"{Path(base).stem}-{count}{Path(base).suffix}"
        taken.add(name.lower())
        yield path, f"{style}/{name}"


@contextlib.contextmanager
def own_folder(data: Path | None) -> Iterator[Path]:
    """The given folder; else one that goes when all went well, and stays to be looked at if not."""
    if data is not None:
        yield data
        return
    folder = Path(tempfile.mkdtemp(prefix="impasto-"))
    try:
        yield folder
    except (Interrupted, Refused):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except BaseException:
        terminal.say(f"logs are in {folder}/logs")
        raise
    shutil.rmtree(folder, ignore_errors=True)
