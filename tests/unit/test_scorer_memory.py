"""A pass's memory has a known bound, and a worker stays within the memory that it may use."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import numpy as np
import pytest

from services.scorer import pipeline
from services.scorer.pipeline import Pipeline
from services.scorer.stopwatch import Stopwatch
from shared.scorer import Threads
from shared.shards import Item, pack
from workloads.video.scoring import cpu_threads, memory
from workloads.video.scoring.picture_scorer import Picture, PictureScorer

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MIB = 1024 * 1024

#: Prints the peak memory of one pass, over the expected bound.
MEASURED = """
import sys
import numpy as np, torch
from workloads.video.scoring.network import PainterNetwork
from workloads.video.scoring.painter import PASS_MEMORY, Painter

def kib(name):
    [line] = [line for line in open("/proc/self/status") if line.startswith(name)]
    return int(line.split()[1])

dtype = getattr(torch, sys.argv[1])
network = PainterNetwork().eval().to(dtype).to(memory_format=torch.channels_last)
painter = Painter(network, torch.zeros(1, network.style_size))
painter.paint(np.zeros((90, 160, 3), np.uint8))
picture = np.full((1080, 1920, 3), 100, np.uint8)
before = kib("VmRSS")
painter.paint(picture)
expected = PASS_MEMORY * next(network.parameters()).element_size() * picture.nbytes
print((kib("VmHWM") - before) * 1024 / expected)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells a process's memory")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_memory_of_a_pass_is_bounded(dtype: str) -> None:
    """Measured in a new process, whose peak is that of the pass."""
    part = subprocess.run(
        [sys.executable, "-c", MEASURED, dtype],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout
    assert float(part) <= 1


def limited(folder: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    file = folder / "memory.max"
    file.write_text(limit)
    monkeypatch.setattr(memory, "LIMITS", (file, folder / "isnt-there"))


def test_a_containers_limit_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limited(tmp_path, monkeypatch, f"{512 * MIB}\n")
    assert memory.available_memory() == 512 * MIB
    cores = os.cpu_count() or 1
    assert memory.memory_for_passes(cores) == 256 * MIB
    assert memory.memory_for_passes(1) == 256 * MIB // cores
    limited(tmp_path, monkeypatch, "max\n")
    assert memory.available_memory() > 512 * MIB


def test_fewer_large_pictures_are_painted_at_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.get_num_threads", lambda: 8)
    monkeypatch.setattr(cpu_threads, "memory_for_passes", lambda cores: 4096 * MIB)
    monkeypatch.setattr(cpu_threads, "pool", lambda count, cores: None)
    threads = cpu_threads.cpu_threads(44)
    assert threads.size == 8
    assert threads.fitting
    sizes = {"720p": (1280, 720), "4K": (3840, 2160), "8K": (8192, 4320)}
    at_once = {name: threads.fitting(w * h * 3).size for name, (w, h) in sizes.items()}
    assert at_once == {"720p": 8, "4K": 3, "8K": 1}


class Heavy(PictureScorer):
    """Counts the pictures that are decoded and not encoded yet."""

    def __init__(self, threads: Threads) -> None:
        self.threads = threads
        self.lock = Lock()
        self.decoded = self.most = 0

    def decode(self, data: bytes) -> Picture:
        with self.lock:
            self.decoded += 1
            self.most = max(self.most, self.decoded)
        return np.zeros((100, 100, 3), np.uint8)

    def score(self, values: Sequence[Picture]) -> Sequence[Picture]:
        return values

    def encode(self, value: Picture) -> bytes:
        with self.lock:
            self.decoded -= 1
        return b""


def test_few_large_pictures_are_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two wait to be scored and two to be encoded; at most five are being processed."""
    monkeypatch.setattr(pipeline, "DECODED_BYTES", 60_000)
    shard = pack(Item(f"{n:06}.jpg", b"") for n in range(25))
    with ThreadPoolExecutor(8) as pool:
        scorer = Heavy(Threads(pool, 8, lambda size: Threads(pool, 1)))
        found = list(Pipeline(scorer, lambda _: shard, Stopwatch()).run(range(4)))
    assert len(found) == 4
    assert scorer.most <= 2 + 2 + 5
