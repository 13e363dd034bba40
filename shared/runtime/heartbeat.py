"""Whether the service beside us is alive: `python -m shared.runtime.heartbeat`, as containers ask.

Its loop touches a file; a loop that stands still leaves it to grow old.
"""

import os
import sys
import time
from pathlib import Path

#: The longest that a loop is kept from turning is a call that storage doesn't answer.
OLDEST_SECONDS = 30


def trouble(heartbeat: Path) -> str | None:
    try:
        age = time.time() - heartbeat.stat().st_mtime
    except FileNotFoundError:
        return "its loop hasn't begun"
    return f"its loop has stood still for {age:.0f} s" if age > OLDEST_SECONDS else None


if __name__ == "__main__":
    sys.exit(trouble(Path(os.environ["IMPASTO_HEARTBEAT"])))
