"""Jobs that this machine could never start: refused when asked for, failed when found on disk."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from services.batchai.places import Places
from services.batchai.records import Job
from shared.errors import RequestRefused

LONGEST_JOB = timedelta(days=366)
#: Linux takes 131,072 bytes for one argument or one variable.
LONGEST_TEXT = 100_000
LONGEST_PATH, LONGEST_NAME = 4000, 255


def check(job: Job, places: Places) -> None:
    """Raises `RequestRefused`, naming what is wrong."""
    properties = job.properties
    check_text("customToolkitSettings.commandLine", properties.custom_toolkit_settings.command_line)
    if properties.job_preparation:
        check_text("jobPreparation.commandLine", properties.job_preparation.command_line)
    if not timedelta(0) < properties.constraints.max_wall_clock_time <= LONGEST_JOB:
        raise wrong("constraints.maxWallClockTime", f"more than 0, {LONGEST_JOB.days} days at most")
    for folder in (places.logs(job), *places.outputs(job).values()):
        check_path(folder / "stdout-job_prep.txt")
    check_environment(places.environment(job))


def check_environment(environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        if "=" in name:
            raise wrong(f"the variable {brief(name)}", "a name without `=`")
        check_text(f"the variable {brief(name)}", f"{name}={value}")


def check_text(what: str, text: str) -> None:
    if "\0" in text:
        raise wrong(what, "text without NUL")
    if len(text.encode()) > LONGEST_TEXT:
        raise wrong(what, f"{LONGEST_TEXT} bytes at most")


def check_path(path: Path) -> None:
    whole = os.fsencode(path)
    if b"\0" in whole or len(whole) > LONGEST_PATH:
        raise wrong(f"the path {brief(str(path))}", f"{LONGEST_PATH} bytes at most, none NUL")
    if max(map(len, whole.split(b"/"))) > LONGEST_NAME:
        raise wrong(f"the path {brief(str(path))}", f"of names of {LONGEST_NAME} bytes at most")


def wrong(what: str, wanted: str) -> RequestRefused:
    return RequestRefused(400, "InvalidRequestContent", f"{what} must be {wanted}")


def brief(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:60]}…")
