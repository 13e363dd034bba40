"""Creates the keys, ports and names of the stack in containers, in a file for Compose.

`python deploy/keys.py FILE` adds what FILE lacks, makes it readable for its owner only, and prints
the connection settings as `export` lines for a shell.
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
PORTS = {"BLOB_PORT": 10000, "QUEUE_PORT": 10001, "BATCHAI_PORT": 10100, "WEB_PORT": 8090}
LINE = re.compile(r"\s*(?:export\s+)?(\w+)\s*=\s*(.*)")


def parsed(lines: list[str]) -> dict[str, str]:
    """The variables in the file, as Compose reads them: without quotes and comments."""
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


def free_port(preferred: int) -> int:
    for port in (preferred, 0):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no port is free")


def defaults(known: dict[str, str]) -> dict[str, str]:
    # Earlier versions created keys and no project name; the project was then called impasto.
    name = "impasto" if "MEDIA_KEY" in known else f"impasto-{secrets.token_hex(3)}"
    project = known.get("COMPOSE_PROJECT_NAME", name)
    return {
        "MEDIA_KEY": account_key(),
        "WORK_KEY": account_key(),
        "BATCHAI_SECRET": secrets.token_urlsafe(32),
        "WEB_TOKEN": secrets.token_urlsafe(24),
        **{name: str(free_port(port)) for name, port in PORTS.items() if name not in known},
        "COMPOSE_PROJECT_NAME": project,
        "IMAGES": project,
    }


def complete(path: Path) -> dict[str, str]:
    """Add what is missing to the file; return all its variables."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    lines = path.read_text().splitlines()
    known = parsed(lines)
    if known.get("COMPOSE_PROFILES") in ("replicas", "gpu"):
        sys.exit(
            f"{path}: replace COMPOSE_PROFILES by SCORERS=2 or GPU_SCORERS=1:"
            " how many workers run in containers of their own"
        )
    missing = {name: value for name, value in defaults(known).items() if name not in known}
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
    connections = {
        "IMPASTO_MEDIA_CONNECTION": connection(MEDIA, known["MEDIA_KEY"], known),
        "IMPASTO_WORK_CONNECTION": connection(WORK, known["WORK_KEY"], known),
        "IMPASTO_BATCHAI_URL": batchai,
        "IDENTITY_ENDPOINT": f"{batchai}/identity/token",
        "IDENTITY_HEADER": known["BATCHAI_SECRET"],
        # To be opened in a browser.
        "IMPASTO_PAGE": f"http://{HOST}:{known['WEB_PORT']}/?token={known['WEB_TOKEN']}",
    }
    for name, value in connections.items():
        print(f"export {name}={shlex.quote(value)}")


if __name__ == "__main__":
    main()
