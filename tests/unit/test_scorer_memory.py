"""What a worker needs for the largest frame is known, and bounded by what there is."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import numpy as np
import pytest

from services.scorer import cpu_threads, memory, pipeline
from services.scorer.pipeline import Pipeline
from services.scorer.scorer import Picture, PictureScorer, Threads
from services.scorer.stopwatch import Stopwatch
from shared.shards import Item, pack

ROOT = Path(__file__).parents[2]
MIB = 1024 * 1024

#: The most memory that one pass took at a time, beyond what was there before it.
MEASURED = """
import sys
import numpy as np, torch
from services.scorer.network import PainterNetwork
from services.scorer.painter import PASS, Painter

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
said = PASS * next(network.parameters()).element_size() * picture.nbytes
print((kib("VmHWM") - before) * 1024 / said)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a process's memory is told by /proc")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_pass_takes_no_more_than_is_said(dtype: str) -> None:
    """In a process of its own, whose memory nothing else has used before."""
    part = subprocess.run(
        [sys.executable, "-c", MEASURED, dtype],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout
    assert float(part) <= 1


def limited(folder: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    file = folder / "memory.max"
    file.write_text(said)
    monkeypatch.setattr(memory, "LIMITS", (file, folder / "isnt-there"))


def test_a_containers_limit_is_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(tmp_path, monkeypatch, f"{512 * MIB}\n")
    assert memory.memory_there_is() == 512 * MIB
    cores = os.cpu_count() or 1
    assert memory.memory_for_passes(cores) == 256 * MIB
    assert memory.memory_for_passes(1) == 256 * MIB // cores
    limited(tmp_path, monkeypatch, "max\n")
    assert memory.memory_there_is() > 512 * MIB


def test_of_large_pictures_fewer_are_painted_at_once(
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
        self.there = self.most = 0

    def decode(self, data: bytes) -> Picture:
        with self.lock:
            self.there += 1
            self.most = max(self.most, self.there)
        return np.zeros((100, 100, 3), np.uint8)

    def score(self, values: Sequence[Picture]) -> Sequence[Picture]:
        return values

    def encode(self, value: Picture) -> bytes:
        with self.lock:
            self.there -= 1
        return b""


def test_few_large_pictures_are_on_their_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two wait to be scored and two to be encoded; the others are in somebody's hand."""
    monkeypatch.setattr(pipeline, "DECODED_BYTES", 60_000)
    shard = pack(Item(f"{n:06}.jpg", b"") for n in range(25))
    with ThreadPoolExecutor(8) as pool:
        scorer = Heavy(Threads(pool, 8, lambda size: Threads(pool, 1)))
        found = list(Pipeline(scorer, lambda _: shard, Stopwatch()).run(range(4)))
    assert len(found) == 4
    assert scorer.most <= 2 + 2 + 5
