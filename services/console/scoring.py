"""What only the scorer knows, asked of it by running it."""

import subprocess
import sys
from collections.abc import Mapping, Sequence

PUBLISH = [sys.executable, "-m", "services.scorer.publish"]
TRAIN = [sys.executable, "-m", "services.scorer.training"]


def publish(environment: Mapping[str, str]) -> None:
    """Offer the models that it comes with to the jobs of a stack."""
    subprocess.run(PUBLISH, env=environment, check=True)


def shipped_models() -> list[str]:
    return subprocess.run(
        [*PUBLISH, "--list"], capture_output=True, text=True, check=True
    ).stdout.split()


def training(arguments: Sequence[str]) -> int:
    return subprocess.run([*TRAIN, *arguments], check=False).returncode
