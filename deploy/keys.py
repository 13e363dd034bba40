"""The keys, ports and names of the stack in containers: made once, kept in a file for Compose.

`python deploy/keys.py FILE` adds what FILE lacks, lets nobody but its owner read it, and prints how
to reach the stack, as `export` lines for a shell.
"""

import base64
import re
import secrets
import shlex
import socket
import sys
from pathlib import Path

HOST = "127.0.0.1"
MEDIA, WORK = "impastomedia", "impastowork"
PORTS = {"BLOB_PORT": 10000, "QUEUE_PORT": 10001, "BATCHAI_PORT": 10100}
LINE = re.compile(r"\s*(?:export\s+)?(\w+)\s*=\s*(.*)")


def parsed(lines: list[str]) -> dict[str, str]:
    """As Compose reads them: quotes aren't part of a value, nor is a comment behind it."""
    found = {}
    for match in filter(None, map(LINE.match, lines)):
        name, value = match.groups()
        if value[:1] in ("'", '"'):
            found[name] = value[1:].split(value[0])[0]
        else:
            found[name] = re.split(r"\s#", value)[0].strip()
    return {name: value for name, value in found.items() if value}


def account_key() -> str:
    return base64.b64encode(secrets.token_bytes(64)).decode()


def free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no port is free")


def wanted(known: dict[str, str]) -> dict[str, str]:
    # A stack that had keys before it had a name was called so.
    own = "impasto" if "MEDIA_KEY" in known else f"impasto-{secrets.token_hex(3)}"
    project = known.get("COMPOSE_PROJECT_NAME", own)
    return {
        "MEDIA_KEY": account_key(),
        "WORK_KEY": account_key(),
        "BATCHAI_SECRET": secrets.token_urlsafe(32),
        **{name: str(free_port(port)) for name, port in PORTS.items() if name not in known},
        "COMPOSE_PROJECT_NAME": project,
        "IMAGES": project,
    }


def complete(path: Path) -> dict[str, str]:
    """What is in the file already stays as it is."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    lines = path.read_text().splitlines()
    known = parsed(lines)
    if known.get("COMPOSE_PROFILES") in ("replicas", "gpu"):
        sys.exit(
            f"{path}: write SCORERS=2, or GPU_SCORERS=1, in place of COMPOSE_PROFILES:"
            " how many workers have containers of their own"
        )
    missing = {name: value for name, value in wanted(known).items() if name not in known}
    if missing:
        lines += [f"{name}={value}" for name, value in missing.items()]
        path.write_text("\n".join(lines) + "\n")
    return {**known, **missing}


def connection(account: str, key: str, known: dict[str, str]) -> str:
    return ";".join(
        [
            "DefaultEndpointsProtocol=http",
            f"AccountName={account}",
            f"AccountKey={key}",
            f"BlobEndpoint=http://{HOST}:{known['BLOB_PORT']}/{account}",
            f"QueueEndpoint=http://{HOST}:{known['QUEUE_PORT']}/{account}",
        ]
    )


def main() -> None:
    known = complete(Path(sys.argv[1]))
    batchai = f"http://{HOST}:{known['BATCHAI_PORT']}"
    reached = {
        "IMPASTO_MEDIA_CONNECTION": connection(MEDIA, known["MEDIA_KEY"], known),
        "IMPASTO_WORK_CONNECTION": connection(WORK, known["WORK_KEY"], known),
        "IMPASTO_BATCHAI_URL": batchai,
        "IDENTITY_ENDPOINT": f"{batchai}/identity/token",
        "IDENTITY_HEADER": known["BATCHAI_SECRET"],
    }
    for name, value in reached.items():
        print(f"export {name}={shlex.quote(value)}")


if __name__ == "__main__":
    main()
