"""The command `impasto`."""

import sys

import typer
from pydantic import ValidationError

from services.console import terminal
from services.console.commands import cluster, jobs, models, observe, poison, programs, stacks
from services.console.commands.grant import grant
from services.console.follow import StoppedByUser
from shared import logs
from shared.errors import ImpastoError

INTERRUPTED = 130

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.command()(stacks.run)
app.command()(stacks.up)
app.command()(stacks.prepare)
app.command()(jobs.submit)
app.command()(jobs.learn)
app.command()(jobs.jobs)
app.command()(jobs.watch)
app.command()(jobs.cancel)
app.command()(jobs.retry)
app.command()(jobs.delete)
app.command()(jobs.download)
app.command()(grant)
app.command()(jobs.replay)
app.command()(jobs.due)
app.command()(observe.trace)
app.command()(observe.logs)
app.command()(observe.audit)
app.add_typer(models.app, name="models")
app.add_typer(poison.app, name="poison")
app.add_typer(cluster.app, name="cluster")
programs.add_to(app)


def main() -> None:
    logs.configure("console", "warning")
    try:
        app()
    except StoppedByUser:
        sys.exit(INTERRUPTED)
    except (ImpastoError, ValidationError) as error:
        terminal.say(f"impasto: {error}")
        sys.exit(2)


if __name__ == "__main__":
    main()
