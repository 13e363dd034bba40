"""Tasks for tests of the sandbox: what a decoder does, and what hostile code may try."""

import ctypes
import errno
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from shared.errors import Refused
from shared.sandbox.files import TaskFiles

Answers = Iterator[tuple[Any, bytes]]
SECRET = "IMPASTO_TEST_SECRET"


def count(files: TaskFiles, to: int) -> Answers:
    for number in range(to):
        yield {"number": number}, b""


def whoami(files: TaskFiles, times: int) -> Answers:
    for _ in range(times):
        yield {"number": os.getpid()}, b""


def refuse(files: TaskFiles) -> Answers:
    yield {"number": 1}, b""
    raise Refused("not this one")


def break_down(files: TaskFiles) -> Answers:
    yield {"number": 1}, b""
    raise ZeroDivisionError("oops")


def crash(files: TaskFiles) -> Answers:
    yield {"number": 1}, b""
    ctypes.string_at(0)


def abort(files: TaskFiles) -> Answers:
    yield {"number": 1}, b""
    os.abort()


def hang(files: TaskFiles) -> Answers:
    yield {"number": os.getpid()}, b""
    threading.Event().wait()


def eat(files: TaskFiles) -> Answers:
    hoard = []
    while True:
        hoard.append(bytearray(16 << 20))
        yield {"number": len(hoard)}, b""


def burn(files: TaskFiles) -> Answers:
    yield {"number": 1}, b""
    while True:
        pass


def dawdle(files: TaskFiles) -> Answers:
    """Never ends, but makes progress."""
    while True:
        time.sleep(0.05)
        yield {"number": 1}, b""


def copy(files: TaskFiles, size: int) -> Answers:
    """Copies the source to the output from its end; yields the first bytes, read back."""
    source, output = files.open("source"), files.output()
    for start in reversed(range(0, size, 1 << 20)):
        source.seek(start)
        output.seek(start)
        output.write(source.read(1 << 20))
    output.seek(0)
    yield {"number": size}, output.read(100)


def read(files: TaskFiles, name: str) -> Answers:
    yield {"number": 0}, files.open(name).read()


def write(files: TaskFiles, start: int, size: int) -> Answers:
    output = files.output()
    output.seek(start)
    output.write(bytes(size))
    yield {"number": 0}, b""


def send(files: TaskFiles, header: dict[str, object], size: int) -> Answers:
    """Sends any header, valid or not."""
    files._channel.send(header, bytes(size))
    yield {"number": 0}, b""


def send_raw(files: TaskFiles, what: str) -> Answers:
    raw = {
        "pickle": pickle.dumps(Trap()),
        "long": (1 << 31).to_bytes(4, "big"),
        "nested": b"\x00\x01\x00\x00" + b"[" * 65536,
        "half": b"\x00\x00\x01\x00{",
    }[what]
    files._channel._write_all(raw)
    threading.Event().wait()
    yield {"number": 0}, b""


class Trap:
    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return spring, ("sprung",)


def spring(value: str) -> None:
    os.environ[SECRET] = value


def threads(files: TaskFiles, many: int) -> Answers:
    done: list[int] = []
    started = [threading.Thread(target=done.append, args=(n,)) for n in range(many)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    yield {"number": len(done)}, b""


def environment(files: TaskFiles) -> Answers:
    yield {"number": 0}, "\n".join(os.environ).encode()


def spoken(call: Callable[[], object]) -> str:
    try:
        return f"done: {call()!r}"
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def raw(number: int, *args: Any) -> Callable[[], object]:
    def call() -> object:
        libc = ctypes.CDLL(None, use_errno=True)
        result = libc.syscall(number, *args)
        if result < 0:
            raise OSError(ctypes.get_errno(), "")
        return result

    return call


ATTEMPTS: dict[str, Callable[[], object]] = {
    "open a file": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "write a file": lambda: os.open("/tmp/impasto-escaped", os.O_CREAT | os.O_WRONLY),
    "list a folder": lambda: list(Path("/").iterdir()),
    "see whether a file exists": lambda: Path("/etc/passwd").stat(),
    "read the parent's environment": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
    "make a socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "make a pair of sockets": socket.socketpair,
    "fork": os.fork,
    "run a program": lambda: subprocess.run([sys.executable, "-c", ""], check=True),
    "become a program": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606 (it must fail)
    "kill the parent": lambda: os.kill(os.getppid(), signal.SIGKILL),
    "kill everybody": lambda: os.kill(-1, signal.SIGTERM),
    "stop itself": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "delete a file": lambda: Path("/tmp/impasto-escaped").unlink(),
    "become another user": lambda: os.setuid(12345),
    "leave its root": lambda: os.chroot("/"),
}
if sys.platform == "linux" and os.uname().machine == "x86_64":
    ATTEMPTS |= {
        "vfork": raw(58),
        "clone a process": raw(56, 17, 0, 0, 0, 0),
        "clone a namespace": raw(56, 0x10000000 | 17, 0, 0, 0, 0),
        "openat2": raw(437, -100, b"/etc/passwd", b"\0" * 24, 24),
        "execveat": raw(322, -100, b"/bin/true", 0, 0, 0),
        "ptrace its parent": raw(101, 16, os.getppid(), 0, 0),
        "signal another thread group": raw(234, os.getppid(), os.getppid(), 9),
        "read its parent's memory": raw(310, os.getppid(), 0, 0, 0, 0, 0),
        "io_uring": raw(425, 8, 0),
        "bpf": raw(321, 0, 0, 0),
        "call as x32": raw(0x40000000 | 39),
        "change its limits": raw(302, 0, 0, 0, 0),
        "clone3": raw(435, 0, 0),
    }


def attempt(files: TaskFiles, what: str) -> Answers:
    yield {"number": 0}, spoken(ATTEMPTS[what]).encode()


TASKS = {
    function.__name__: function
    for function in (
        count, whoami, refuse, break_down, crash, abort, hang, eat, burn, dawdle, copy, read, write,
        send, send_raw, threads, environment, attempt,
    )
}  # fmt: skip


def warm_up() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()
