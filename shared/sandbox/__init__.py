"""A sandbox: runs tasks that open untrusted files in a child process that can do nothing else.

The child has an empty environment and no keys. It reads byte ranges of files that its parent serves
over a pipe, and answers with JSON and bytes, which the parent checks and limits. After a warm-up it
can't open files or sockets, and can't start or signal processes (`seccomp.py`).
"""

from shared.sandbox.file_server import Output
from shared.sandbox.limits import MIB, Limits
from shared.sandbox.parent import Result, Sandbox

__all__ = ["MIB", "Limits", "Output", "Result", "Sandbox"]
