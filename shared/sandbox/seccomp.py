"""Confines this process for good: system calls that aren't listed fail with EPERM. Linux only.

The list is what a warmed-up decoder needs: memory, threads, clocks, and its open descriptors. https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

import ctypes
import errno
import os
import platform
import struct
import sys

PR_SET_NO_NEW_PRIVS = 38
SET_MODE_FILTER, ALL_THREADS = 1, 1
ALLOW, KILL, FAIL = 0x7FFF0000, 0x80000000, 0x00050000
#: BPF instructions: load a word, compare, mask, return.
LOAD, EQUAL, AND, RETURN = 0x20, 0x15, 0x54, 0x06
#: Offsets in the call's data: its number, the machine, the low half of the first argument.
NUMBER, MACHINE, FIRST_ARGUMENT = 0, 4, 16
#: Flags of clone that make a thread of this process, and those that make namespaces.
THREAD = 0x00000100 | 0x00000800 | 0x00010000
NAMESPACES = 0x7E020000 | 0x00000080

#: The kernel's number of the machine, and the numbers of seccomp, clone, clone3 and tgkill.
MACHINES = {
    "x86_64": (0xC000003E, 317, 56, 435, 234),
    "aarch64": (0xC00000B7, 277, 220, 435, 131),
}
#: Each call's number on x86-64 and on ARM; -1 where it doesn't exist.
CALLS = {
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66),
    "close": (3, 57), "fstat": (5, 80), "lseek": (8, 62), "poll": (7, -1), "ppoll": (271, 73),
    "select": (23, -1), "pselect6": (270, 72),
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214),
    "mremap": (25, 216), "madvise": (28, 233), "mlock": (149, 228), "munlock": (150, 229),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132), "restart_syscall": (219, 128),
    "futex": (202, 98), "set_robust_list": (273, 99), "rseq": (334, 293), "membarrier": (324, 283),
    "set_tid_address": (218, 96), "arch_prctl": (158, -1), "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123), "getcpu": (309, 168),
    "exit": (60, 93), "exit_group": (231, 94),
    "getpid": (39, 172), "gettid": (186, 178), "getppid": (110, 173),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101), "gettimeofday": (96, 169), "time": (201, -1),
    "getrusage": (98, 165), "times": (100, 153),
    "getrandom": (318, 278), "sysinfo": (99, 179), "uname": (63, 160),
}  # fmt: skip


def confine() -> str | None:
    """Install the filter in all threads of this process; returns why if that is impossible."""
    known = MACHINES.get(platform.machine())
    if sys.platform != "linux" or not known:
        return f"there is no filter of system calls for {sys.platform} on {platform.machine()}"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return f"NO_NEW_PRIVS can't be set: {os.strerror(ctypes.get_errno())}"
    code = program(*known)
    instructions = ctypes.create_string_buffer(code)
    filter_program = ctypes.create_string_buffer(
        struct.pack("@HP", len(code) // 8, ctypes.addressof(instructions))
    )
    if libc.syscall(known[1], SET_MODE_FILTER, ALL_THREADS, filter_program):
        return f"the kernel takes no filter of system calls: {os.strerror(ctypes.get_errno())}"
    return None


def program(machine: int, _seccomp: int, clone: int, clone3: int, tgkill: int) -> bytes:
    column = 0 if machine == MACHINES["x86_64"][0] else 1
    allowed = [numbers[column] for numbers in CALLS.values() if numbers[column] >= 0]
    denied = FAIL | errno.EPERM
    code = [
        step(LOAD, MACHINE),
        step(EQUAL, machine, 1, 0),
        step(RETURN, KILL),
        step(LOAD, NUMBER),
        # A filter can't see clone3's arguments. On ENOSYS glibc falls back to clone.
        step(EQUAL, clone3, 0, 1),
        step(RETURN, FAIL | errno.ENOSYS),
        step(EQUAL, clone, 0, 8),
        step(LOAD, FIRST_ARGUMENT),
        step(AND, THREAD),
        step(EQUAL, THREAD, 0, 3),
        step(LOAD, FIRST_ARGUMENT),
        step(AND, NAMESPACES),
        step(EQUAL, 0, 1, 0),
        step(RETURN, denied),
        step(RETURN, ALLOW),
        # abort() signals its own process.
        step(EQUAL, tgkill, 0, 4),
        step(LOAD, FIRST_ARGUMENT),
        step(EQUAL, os.getpid(), 1, 0),
        step(RETURN, denied),
        step(RETURN, ALLOW),
    ]
    for number in allowed:
        code += [step(EQUAL, number, 0, 1), step(RETURN, ALLOW)]
    return b"".join([*code, step(RETURN, denied)])


def step(what: int, value: int, then: int = 0, other: int = 0) -> bytes:
    return struct.pack("=HBBI", what, then, other, value)
