"""`impasto`: the commands, and nothing of how they work."""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from services.console import accounts, show
from services.console import run as running
from services.console.follow import Interrupted, follow
from services.console.job_control import JobControl
from services.console.listing import Listing
from services.console.poison import Entry, PoisonQueues
from services.console.scoring import shipped_models, training
from services.console.stack import Stack
from shared import logs
from shared.clusters import table
from shared.errors import ImpastoError, Misconfigured, NotYet
from shared.models import Models
from shared.runtime.stop import Stop
from shared.storage import Storage

INTERRUPTED = 130

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
poison = typer.Typer(no_args_is_help=True, help="Messages that nobody could handle.")
app.add_typer(poison, name="poison")
cluster = typer.Typer(no_args_is_help=True, help="The cluster that workers run on.")
app.add_typer(cluster, name="cluster")

Json = Annotated[bool, typer.Option("--json", help="One JSON line for each, on standard output.")]
Data = Annotated[Path, typer.Option(help="The folder of the local stack.")]
Nodes = Annotated[int, typer.Option(min=1, help="How many workers may score at a time.")]
MaybeNodes = Annotated[
    int | None, typer.Option(min=1, help="How many workers may score at a time.")
]
Ids = Annotated[list[str] | None, typer.Argument(help="Which messages, by id.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]

HOME = Path(".impasto")
#: Not the current folder: an output may have the name of its source.
OUT = Path("out")


@app.command()
def run(
    videos: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, readable=True)],
    style: Annotated[str, typer.Option(help="The painting; `impasto styles` lists them.")],
    output: Annotated[Path, typer.Option(file_okay=False, help="Where painted videos go.")],
    json: Json = False,
    nodes: MaybeNodes = None,
    data: Annotated[Path | None, typer.Option(help="Keep the stack's data here.")] = None,
) -> None:
    """Paint videos: a whole stack, for these alone."""
    if not running.run(videos, style, output, nodes, data, json):
        raise typer.Exit(1)


@app.command()
def up(json: Json = False, data: Data = HOME, nodes: MaybeNodes = None) -> None:
    """Keep a stack up: drop videos with any Azure Storage tool."""
    stop = Stop().on_signals()
    with Stack(data, nodes) as stack:
        show.connections(stack.data, stack.accounts, json)
        while not stop.wait(1):
            stack.check()
        show.say("stopping …")


@app.command()
def prepare(json: Json = False, data: Data = HOME) -> None:
    """Make the containers and queues that the services wait for, where they aren't there yet."""
    connected(data).prepare()
    show.print_line({"prepared": True}, "containers and queues are there", json)


@app.command()
def submit(
    video: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    style: Annotated[str, typer.Option(help="The painting; `impasto styles` lists them.")],
    json: Json = False,
    data: Data = HOME,
) -> None:
    """Drop one video into a stack that is up; prints its job."""
    storage = connected(data)
    with suppress(NotYet):  # the video will wait for its style
        Models(storage).require(style)
    control = JobControl(storage)
    [(path, blob)] = running.blob_names([video], style)
    job = control.submit(path, blob)
    show.print_line({"job": job, "input": blob}, job, json)


@app.command()
def learn(
    painting: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    name: Annotated[str, typer.Option(help="What videos will call the style.")],
    json: Json = False,
    data: Data = HOME,
) -> None:
    """Teach the stack that is up a new style; takes minutes."""
    stop = Stop().on_signals()
    control = JobControl(connected(data))
    [status] = follow(control, [control.teach(painting, name)], stop)
    show.listing([status], show.jobs_table, json)
    if status.state != "finished":
        raise typer.Exit(1)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def train(context: typer.Context) -> None:
    """Teach the network that paints, from photos and paintings; takes an hour or more."""
    raise typer.Exit(training(context.args))


@app.command()
def jobs(
    most: Annotated[int, typer.Option(min=1, help="How many to show.")] = 50,
    page: Annotated[int, typer.Option(min=1, help="2 shows those after the first so many.")] = 1,
    json: Json = False,
    data: Data = HOME,
) -> None:
    """The newest jobs, and how far they are; `watch` tells more of one."""
    show.listing(Listing(connected(data)).page(page, most), show.jobs_table, json)


@app.command()
def watch(job: str, json: Json = False, data: Data = HOME) -> None:
    """Follow one job to its end."""
    stop = Stop().on_signals()
    [status] = follow(JobControl(connected(data)), [job], stop)
    show.listing([status], show.jobs_table, json)
    if status.state != "finished":
        raise typer.Exit(1)


@app.command()
def cancel(job: str, json: Json = False, data: Data = HOME) -> None:
    """End a job; what it had half done is deleted."""
    control = JobControl(connected(data))
    control.cancel(job)
    show.listing([control.status(job)], show.jobs_table, json)


@app.command()
def retry(job: str, json: Json = False, data: Data = HOME) -> None:
    """Take up a job that failed, from what is there of it; does no harm to others."""
    control = JobControl(connected(data))
    control.retry(job)
    show.listing([control.status(job)], show.jobs_table, json)


@app.command()
def download(
    job: str,
    output: Annotated[Path, typer.Option(file_okay=False, help="The folder to put it in.")] = OUT,
    json: Json = False,
    data: Data = HOME,
) -> None:
    """Bring a finished job's output here."""
    path = JobControl(connected(data)).download(job, output)
    show.print_line({"job": job, "output": str(path)}, str(path), json)


@app.command()
def replay(json: Json = False, data: Data = HOME) -> None:
    """Announce again whatever in `input` and `styles` has no outcome; safe at any time."""
    count = JobControl(connected(data)).replay()
    show.print_line({"announced": count}, f"{count} announced again", json)


@app.command()
def styles(json: Json = False, data: Data = HOME) -> None:
    """The styles that a video may name."""
    settings = accounts.settings(data)
    names = Models(Storage(settings)).names() if settings else shipped_models()
    for name in names:
        show.print_line({"style": name}, name, json)


@poison.command("list")
def poison_list(json: Json = False, data: Data = HOME) -> None:
    """All poisoned messages, with the reason of each."""
    show.listing(PoisonQueues(connected(data)).entries(), show.poison_table, json)


@poison.command("show")
def poison_show(message_id: str, json: Json = False, data: Data = HOME) -> None:
    """One poisoned message: its body, and the error that it met."""
    show.one(PoisonQueues(connected(data)).show(message_id), json)


@poison.command("requeue")
def poison_requeue(
    ids: Ids = None, every: All = False, json: Json = False, data: Data = HOME
) -> None:
    """Put messages back on their queues; their jobs go on."""
    count = PoisonQueues(connected(data)).requeue(chosen(ids, every))
    show.print_line({"requeued": count}, f"{count} put back", json)


@poison.command("purge")
def poison_purge(
    ids: Ids = None, every: All = False, json: Json = False, data: Data = HOME
) -> None:
    """Throw messages away, with what their jobs had half done."""
    count = PoisonQueues(connected(data)).purge(chosen(ids, every))
    show.print_line({"purged": count}, f"{count} thrown away", json)


@cluster.command("show")
def cluster_show(json: Json = False, data: Data = HOME) -> None:
    """Its nodes, and its jobs with what became of them."""
    show.cluster(table.chosen().view(data, accounts.settings(data)), json)


@cluster.command("create")
def cluster_create(nodes: MaybeNodes = None, json: Json = False, data: Data = HOME) -> None:
    """Make it, if it isn't there: as many nodes as there is work for, none if there is none."""
    table.chosen().managed(data, nodes).ensure()
    show.cluster(table.chosen().view(data, accounts.settings(data)), json)


@cluster.command("scale")
def cluster_scale(
    nodes: Nodes,
    minimum: Annotated[int, typer.Option(min=0, help="How many stay without work.")] = 0,
    json: Json = False,
    data: Data = HOME,
) -> None:
    """Let it have so many nodes; a stack that starts sets it to its own number again."""
    table.chosen().managed(data, None).scale(minimum, max(minimum, nodes))
    show.cluster(table.chosen().view(data, accounts.settings(data)), json)


@cluster.command("delete")
def cluster_delete(json: Json = False, data: Data = HOME) -> None:
    """End its jobs and remove it; a stack that is up makes it anew."""
    table.chosen().managed(data, None).delete()
    show.print_line({"deleted": True}, "deleted", json)


def connected(data: Path) -> Storage:
    settings = accounts.settings(data)
    if settings is None:
        raise Misconfigured(f"no stack was ever up in {data}; start one with `impasto up`")
    return Storage(settings)


def chosen(ids: list[str] | None, every: bool) -> Callable[[Entry], bool]:
    if bool(ids) == every:
        raise typer.BadParameter("name the messages, or say --all")
    return lambda entry: every or entry.id in (ids or [])


def main() -> None:
    logs.configure("console", "warning")
    try:
        app()
    except Interrupted:
        sys.exit(INTERRUPTED)
    except (ImpastoError, ValidationError) as error:
        show.say(f"impasto: {error}")
        sys.exit(2)


if __name__ == "__main__":
    main()
