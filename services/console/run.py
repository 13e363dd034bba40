"""`impasto run`: scores files on a stack of their own, and downloads the outputs."""

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
from services.console.follow import StoppedByUser, follow
from services.console.stack import Stack
from shared.control.job_control import JobControl
from shared.control.status import State, Status
from shared.errors import Refused
from shared.runtime.stop import Stop
from shared.workload import Workload


class Report(BaseModel):
    """How one file's job ended, as `--json` prints it."""

    input: str
    output: str | None
    state: State
    reason: str | None
    notes: list[str]
    items: int
    seconds: float


def run(
    files: Sequence[Path],
    workload: Workload,
    model: str,
    folder: Path,
    nodes: int | None,
    data: Path | None,
    as_json: bool,
) -> bool:
    """Return whether all files were finished."""
    stop = Stop().on_signals()
    with stack_folder(data) as data_folder:
        terminal.say(f"starting Azurite and the services in {data_folder} …")
        with Stack(data_folder, nodes, page=True) as stack:
            if stack.page:
                terminal.say(f"look at {stack.page.address}")
            events = ClusterEvents(stack.log_of_cluster())
            control = JobControl(stack.storage)

            def meanwhile() -> None:
                stack.check()
                show_new(events)

            workload.require_model(stack.storage, model)
            began = time.monotonic()
            named = blob_names(files, model)
            jobs = {control.submit(workload, path, blob): path for path, blob in named}
            reports = [
                deliver(
                    control, jobs[status.job], status, folder, time.monotonic() - began, as_json
                )
                for status in follow(control, list(jobs), stop, meanwhile)
            ]
        show_new(events)
    return len(reports) == len(files) and all(r.state == "finished" for r in reports)


def show_new(events: ClusterEvents) -> None:
    for sentence in events.new():
        terminal.say(sentence)


def deliver(
    control: JobControl, path: Path, status: Status, folder: Path, seconds: float, as_json: bool
) -> Report:
    output = None
    if status.output:
        folder.mkdir(parents=True, exist_ok=True)
        output = folder / Path(status.output).name
        control.fetch(status, output)
    report = Report(
        input=str(path),
        output=str(output) if output else None,
        state=status.state,
        reason=status.reason,
        notes=status.notes,
        items=status.stitched if output else 0,
        seconds=round(seconds, 1),
    )
    if as_json:
        terminal.print_json(report)
    elif output:
        terminal.say(
            f"{path} → {output}  ({status.count(report.items)} in {report.seconds} s)", terminal.out
        )
        for note in report.notes:
            terminal.say(f"  {note}", terminal.out)
    else:
        terminal.say(f"{path}: {status.state}: {status.reason}", terminal.out)
    return report


def blob_names(files: Sequence[Path], model: str) -> Iterator[tuple[Path, str]]:
    """A blob name for each file, unique also if files in different folders share a name."""
    taken: set[str] = set()
    for path in files:
        base = re.sub(r"[\x00-\x1f\x7f\\]", "_", path.name)
        name, count = base, 1
        while name.lower() in taken:
            count += 1
            name = f"{Path(base).stem}-{count}{Path(base).suffix}"
        taken.add(name.lower())
        yield path, f"{model}/{name}"


@contextlib.contextmanager
def stack_folder(data: Path | None) -> Iterator[Path]:
    """The given folder, or else a temporary one, which is kept if the run fails."""
    if data is not None:
        yield data
        return
    folder = Path(tempfile.mkdtemp(prefix="impasto-"))
    try:
        yield folder
    except (StoppedByUser, Refused):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except BaseException:
        terminal.say(f"logs are in {folder}/logs")
        raise
    shutil.rmtree(folder, ignore_errors=True)
