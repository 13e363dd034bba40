"""The command `impasto readings`: simulates readings, starts rounds, shows and plots what came out.

`impasto` runs it as a program of its own, with the stack's accounts in the environment.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from shared import logs
from shared.errors import ImpastoError
from shared.settings import Settings, describe_error
from shared.storage import Storage
from workloads.readings.plotting import plot_device
from workloads.readings.rounds import Rounds
from workloads.readings.simulation import simulate_into
from workloads.readings.summary import Summary
from workloads.readings.windows import ONE_CLASS_SVM, Task, Window

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
AnHour = Annotated[str, typer.Option(help="An hour in UTC, such as 2026-11-20T14.")]
MaybeHour = Annotated[str | None, typer.Option(help="An hour in UTC; the last whole one if unset.")]
Again = Annotated[bool, typer.Option("--again", help="Do it again, beside what there is.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until it is done.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]


@app.command()
def simulate(
    devices: Annotated[int, typer.Option(min=1)] = 1000,
    hours: Annotated[int, typer.Option(min=1)] = 24,
    every: Annotated[float, typer.Option(min=0.1, help="Seconds between readings.")] = 60.0,
    last: MaybeHour = None,
    seed: int = 0,
    labels: Annotated[Path, typer.Option(help="Which readings are anomalies.")] = Path(
        "out/labels.jsonl"
    ),
) -> None:
    """Write what Event Hubs Capture would write of simulated devices, with labelled anomalies."""
    window = hour_or_last(last)
    window = Window(window.before(hours - 1).start, hours)
    made = simulate_into(storage(), window, devices, every, seed, labels)
    say(
        f"{made.readings:,} readings of {devices:,} devices in {made.files:,} files; "
        f"{made.anomalies:,} hours of devices have an anomaly, see {labels}"
    )


@app.command()
def score(window: AnHour, again: Again = False, wait: Wait = False) -> None:
    """Score an hour's readings now."""
    start(Task(Window.of(window)), again, wait)


@app.command()
def train(
    kind: str = ONE_CLASS_SVM,
    hours: Annotated[int, typer.Option(min=1, max=9999)] = 72,
    last: MaybeHour = None,
    again: Again = False,
    wait: Wait = False,
) -> None:
    """Train a model for every device from the readings of the last hours."""
    if kind != ONE_CLASS_SVM:
        raise typer.BadParameter(f"only {ONE_CLASS_SVM} models are trained")
    window = hour_or_last(last)
    start(Task(Window(window.before(hours - 1).start, hours), kind), again, wait)


@app.command()
def rounds(as_json: Json = False) -> None:
    """List the rounds that are done, the newest first."""
    for found in Rounds(storage()).all():
        if as_json:
            say(found.model_dump_json())
        else:
            say(
                f"{found.window}  {found.devices:>7,} devices  {found.readings:>11,} readings  "
                f"{found.anomalies:>7,} anomalies  {found.missing:>5,} missing"
            )


@app.command()
def show(window: AnHour, as_json: Json = False) -> None:
    """Show the summary of a round."""
    found = Rounds(storage()).summary(Window.of(window))
    say(found.model_dump_json() if as_json else text_of(found))


@app.command()
def plot(
    device: str,
    window: MaybeHour = None,
    hours: Annotated[int, typer.Option(min=1, max=744)] = 1,
    output: Annotated[Path, typer.Option(help="The PNG to write.")] = Path("out/device.png"),
) -> None:
    """Plot a device's readings, their score, and the anomalies, as a PNG."""
    found = Rounds(storage())
    last = Window.of(window) if window else found.newest()
    rows = found.rows_of(device, Window(last.before(hours - 1).start, hours))
    output.parent.mkdir(parents=True, exist_ok=True)
    plot_device(device, rows, output)
    say(str(output))


def start(task: Task, again: bool, wait: bool) -> None:
    found = Rounds(storage())
    job = found.announce(task, again)
    say(job)
    if wait:
        outcome = found.wait(job)
        say(json.dumps(outcome))
        if outcome["state"] != "finished":
            raise typer.Exit(1)


def hour_or_last(text: str | None) -> Window:
    return Window.of(text) if text else Window.at(datetime.now(UTC)).before()


def storage() -> Storage:
    return Storage(Settings())


def text_of(found: Summary) -> str:
    lines = [f"{found.devices:,} devices sent {found.readings:,} readings in {found.window}"]
    lines += [f"  {sentence}" for sentence in found.sentences()]
    if found.worst:
        lines.append("the worst:")
    lines += [
        f"  {each.device}  {each.time:%H:%M:%S}  value {each.value:g}  score {each.score:.3g}"
        for each in found.worst
    ]
    return "\n".join(lines)


def say(text: str) -> None:
    typer.echo(text)


def main() -> None:
    logs.configure("readings", "warning")
    try:
        app()
    except (ImpastoError, ValidationError) as error:
        typer.echo(f"impasto: {describe_error(error)}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
