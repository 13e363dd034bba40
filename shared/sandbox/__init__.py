"""A child process for files that come from anywhere: it has nothing, and can do nothing but answer.

It starts with an empty environment, and gets no keys: what it reads are byte ranges of the files
that its parent serves over a pipe, and what it says is JSON and bytes, checked and capped. After
one warm-up it can't open a file or a socket, nor start or signal a process (`seccomp.py`).
"""

from shared.sandbox.limits import MIB, Limits
from shared.sandbox.parent import Answer, Sandbox
from shared.sandbox.serving import Output

__all__ = ["MIB", "Answer", "Limits", "Output", "Sandbox"]
