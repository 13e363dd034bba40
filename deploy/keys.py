"""The keys and ports of the stack in containers: made once, kept in a file that Compose reads.

`python deploy/keys.py FILE` adds what FILE lacks, and prints the connection strings of its storage,
for a shell to take over.
"""

import base64
import secrets
import sys
from pathlib import Path

MEDIA, WORK = "impastomedia", "impastowork"


def account_key() -> str:
    return base64.b64encode(secrets.token_bytes(64)).decode()


def complete(path: Path) -> dict[str, str]:
    """What is in the file already stays as it is."""
    lines = path.read_text().splitlines() if path.exists() else []
    known = dict(line.split("=", 1) for line in lines if "=" in line and line[0] != "#")
    wanted = {
        "MEDIA_KEY": account_key(),
        "WORK_KEY": account_key(),
        "BATCHAI_SECRET": secrets.token_urlsafe(32),
        "BLOB_PORT": "10000",
        "QUEUE_PORT": "10001",
    }
    missing = {name: value for name, value in wanted.items() if name not in known}
    if missing:
        path.touch(mode=0o600)
        lines += [f"{name}={value}" for name, value in missing.items()]
        path.write_text("\n".join(lines) + "\n")
    return known | missing


def connection(account: str, key: str, known: dict[str, str]) -> str:
    return ";".join(
        [
            "DefaultEndpointsProtocol=http",
            f"AccountName={account}",
            f"AccountKey={key}",
            f"BlobEndpoint=http://127.0.0.1:{known['BLOB_PORT']}/{account}",
            f"QueueEndpoint=http://127.0.0.1:{known['QUEUE_PORT']}/{account}",
        ]
    )


def main() -> None:
    known = complete(Path(sys.argv[1]))
    print(f"export IMPASTO_MEDIA_CONNECTION='{connection(MEDIA, known['MEDIA_KEY'], known)}'")
    print(f"export IMPASTO_WORK_CONNECTION='{connection(WORK, known['WORK_KEY'], known)}'")


if __name__ == "__main__":
    main()
