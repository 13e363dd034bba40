"""Runs the scorer's programs: publishing models, listing them, training."""

import subprocess
import sys
from collections.abc import Mapping, Sequence

PUBLISH = [sys.executable, "-m", "services.scorer.publish"]
TRAIN = [sys.executable, "-m", "services.scorer.training"]


def publish(environment: Mapping[str, str]) -> None:
    """Publish the shipped models to a stack."""
    subprocess.run(PUBLISH, env=environment, check=True)


def shipped_models() -> list[str]:
    return subprocess.run(
        [*PUBLISH, "--list"], capture_output=True, text=True, check=True
    ).stdout.split()


def training(arguments: Sequence[str]) -> int:
    return subprocess.run([*TRAIN, *arguments], check=False).returncode
