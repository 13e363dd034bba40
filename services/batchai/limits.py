"""Limits on jobs that this machine can start: checked when a job is created, and at its start."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from services.batchai.job_paths import JobPaths
from services.batchai.resources import BatchJob
from shared.errors import RequestRefused

LONGEST_JOB = timedelta(days=366)
#: Linux allows 131,072 bytes for an argument or a variable.
LONGEST_TEXT = 100_000
LONGEST_PATH, LONGEST_NAME = 4000, 255


def check_limits(job: BatchJob, job_paths: JobPaths) -> None:
    """Raises `RequestRefused`, which names the field."""
    properties = job.properties
    check_text("customToolkitSettings.commandLine", properties.custom_toolkit_settings.command_line)
    if properties.job_preparation:
        check_text("jobPreparation.commandLine", properties.job_preparation.command_line)
    if not timedelta(0) < properties.constraints.max_wall_clock_time <= LONGEST_JOB:
        most = f"more than 0 and at most {LONGEST_JOB.days} days"
        raise invalid("constraints.maxWallClockTime", most)
    for folder in (job_paths.logs(job), *job_paths.outputs(job).values()):
        check_path(folder / "stdout-job_prep.txt")
    check_environment(job_paths.environment(job))


def check_environment(environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        if "=" in name:
            raise invalid(f"the variable {shortened(name)}", "a name without `=`")
        check_text(f"the variable {shortened(name)}", f"{name}={value}")


def check_text(what: str, text: str) -> None:
    if "\0" in text:
        raise invalid(what, "text without NUL characters")
    if len(text.encode()) > LONGEST_TEXT:
        raise invalid(what, f"{LONGEST_TEXT} bytes at most")


def check_path(path: Path) -> None:
    what, whole = f"the path {shortened(str(path))}", os.fsencode(path)
    if b"\0" in whole or len(whole) > LONGEST_PATH:
        raise invalid(what, f"{LONGEST_PATH} bytes at most, without NUL")
    if max(map(len, whole.split(b"/"))) > LONGEST_NAME:
        raise invalid(what, f"made of names of {LONGEST_NAME} bytes at most")


def invalid(what: str, wanted: str) -> RequestRefused:
    return RequestRefused(400, "InvalidRequestContent", f"{what} must be {wanted}")


def shortened(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}…")
