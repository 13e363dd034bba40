"""A table that describes this machine."""

import platform
from datetime import UTC, datetime
from pathlib import Path

import psutil
import torch

from benchmarks.report import Table

CPUINFO = Path("/proc/cpuinfo")


def machine() -> Table:
    memory = psutil.virtual_memory().total / 2**30
    rows = [
        ("processor", f"{processor()}, {psutil.cpu_count()} cores"),
        ("memory", f"{memory:.0f} GiB"),
        ("GPU", torch.cuda.get_device_name() if torch.cuda.is_available() else "none"),
        ("software", f"Python {platform.python_version()}, torch {torch.__version__}"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("measured on", f"{datetime.now(UTC):%Y-%m-%d}"),
    ]
    return Table(("", ""), rows)


def processor() -> str:
    """The processor's name, with the instruction sets that make the painter fast."""
    facts = CPUINFO.read_text() if CPUINFO.exists() else ""
    fields = dict(line.split(":", 1) for line in facts.splitlines() if ":" in line)
    known = {name.strip(): value.strip() for name, value in fields.items()}
    flags = known.get("flags", "").split()
    fast = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    name = known.get("model name", platform.processor() or platform.machine())
    return f"{name} ({', '.join(fast)})" if fast else name
