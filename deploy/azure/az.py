"""Runs `az` and other tools; every failure becomes one sentence."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: What Azure says, in any of its forms, and what to do about it.
KNOWN = {
    ("AADSTS", "az login", "token has expired", "InvalidAuthenticationToken"): (
        "the login has expired; run `az login`"
    ),
    ("QuotaExceeded", "exceeding approved", "OperationNotAllowed"): (
        "a quota of the subscription is used up; ask for more in the portal under Quotas, "
        "or choose another region"
    ),
    ("AlreadyTaken", "AlreadyInUse", "NameNotAvailable", "NameUnavailable"): (
        "a name is taken by somebody else; change `prefix` in this environment's parameters"
    ),
    ("AuthorizationPermissionMismatch", "the required permissions needed"): (
        "the login lacks a data role there; deploy/azure/README.md says which, "
        "and a new one takes up to half an hour"
    ),
    ("AuthorizationFailure", "network rules"): (
        "storage is closed to this machine; run it from inside the network"
    ),
    ("ScopeLocked",): "the group is locked; delete the lock first",
    ("AuthorizationFailed", "does not have authorization"): (
        "the login lacks a role; it needs Contributor and User Access Administrator, "
        "or Owner, on the resource group"
    ),
    ("MissingSubscriptionRegistration",): (
        "a resource provider isn't registered; run `az provider register` for the one named"
    ),
    ("ServerTimeout", "GatewayTimeout", "Connection aborted", "ServiceUnavailable"): (
        "Azure didn't answer in time"
    ),
}


class Failed(Exception):
    """One sentence for the person who deploys."""


def az(*words: str) -> Any:  # noqa: ANN401 - whatever JSON it is
    """What `az` answers, parsed; None if it answers nothing."""
    text = run("az", *words, "--output", "json", "--only-show-errors")
    return json.loads(text) if text.strip() else None


def run(*words: str, **environment: str) -> str:
    """Run a tool in the project's root, and return its output."""
    try:
        done = subprocess.run(
            words,
            cwd=ROOT,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise Failed(f"there is no `{words[0]}` on the PATH; install it") from None
    if done.returncode:
        raise Failed(sentence(words, done.stderr or done.stdout))
    return done.stdout


def sentence(words: tuple[str, ...], said: str) -> str:
    called = " ".join([words[0], *(word for word in words[1:4] if word.replace("-", "").isalpha())])
    lines = [line.removeprefix("ERROR: ").strip() for line in said.splitlines() if line.strip()]
    last = lines[-1] if lines else "it said nothing"
    advice = next((known for marks, known in KNOWN.items() if any(m in said for m in marks)), None)
    return f"`{called}`: {advice} ({last[:300]})" if advice else f"`{called}` failed: {last[:300]}"
