"""The commands of workloads: each runs a program of the workload, which reads the arguments."""

import os
from collections.abc import Callable

import typer

from services.console import accounts
from services.console.commands.options import HOME
from services.console.scoring import run_program
from shared.workload import Program
from shared.workloads import installed

#: The program has options of its own, `--help` included.
ANY_ARGUMENTS = {"allow_extra_args": True, "ignore_unknown_options": True}


def add_to(app: typer.Typer) -> None:
    for workload in installed().values():
        for name, program in workload.programs.items():
            command = app.command(
                name, help=program.help, context_settings=ANY_ARGUMENTS, add_help_option=False
            )
            command(runs(program))


def runs(program: Program) -> Callable[[typer.Context], None]:
    def run(context: typer.Context) -> None:
        local = accounts.read(HOME)
        environment = (local.environment() if local else {}) | os.environ
        raise typer.Exit(run_program(program.module, context.args, environment))

    return run
