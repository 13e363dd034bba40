"""The painter's speed, compared with a reference network, its own network and the processor."""

import statistics
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial

import simplejpeg
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import model
from benchmarks.model import CONCURRENTLY, IN_A_LOOP
from benchmarks.painter import reference
from benchmarks.report import Goal
from benchmarks.sample_clip import CLIP, frames_of
from services.scorer.pipeline import Pipeline
from services.scorer.stopwatch import Stopwatch
from shared.shards import Item, pack
from shared.storage import Storage
from workloads.video.scoring.network import PainterNetwork
from workloads.video.scoring.picture_scorer import QUALITY
from workloads.video.splitting.decoder import SHARD_FRAMES

ROUNDS = 5
SHARDS = 2
MATRIX = 4096


def seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def paired(*calls: Callable[[], object]) -> list[float]:
    """The median time of each call. They take turns, so that other load affects all of them."""
    for call in calls:
        call()
    rounds = [[seconds(call) for call in calls] for _ in range(ROUNDS)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def speed(network: PainterNetwork, storage: Storage) -> list[Goal]:
    painter = model.painter(network)
    frames = frames_of(CLIP)[: SHARDS * SHARD_FRAMES]
    jpegs = [simplejpeg.encode_jpeg(frame, QUALITY, "RGB", "420") for frame in frames]
    shards = storage.container("shards"), storage.container("scored")
    for n in range(SHARDS):
        part = jpegs[n * SHARD_FRAMES : (n + 1) * SHARD_FRAMES]
        items = [Item(f"{m:06}.jpg", data) for m, data in enumerate(part)]
        shards[0].write(f"{n}.tar", pack(items))

    def from_shard_to_shard() -> None:
        pipeline = Pipeline(painter, lambda n: shards[0].read(f"{n}.tar"), Stopwatch())
        with closing(pipeline.run(range(SHARDS))) as scored:
            for shard in scored:
                shards[1].write(f"{shard.number}.tar", pack(shard.items))

    reference_network = reference.Reference().eval()
    matrix = torch.randn(MATRIX, MATRIX).to(next(network.parameters()))
    slow, scored, bare, together, product = paired(
        partial(reference.loop, reference_network, jpegs[:1]),
        from_shard_to_shard,
        lambda: model.in_a_loop(painter, frames),
        lambda: model.concurrently(painter, frames),
        lambda: matrix @ matrix,
    )
    with FlopCounterMode(display=False) as counter:
        painter.paint(frames[0])
    flops, their_best = counter.get_total_flops() * len(frames) / together, 2 * MATRIX**3 / product
    scored, bare, together = (seconds / len(frames) for seconds in (scored, bare, together))
    return [
        Goal(
            "frames/s at 720p, from shard to shard, over the reference network's loop",
            "≥ 16",
            f"{slow / scored:.1f} ({1 / scored:.2f} over {1 / slow:.2f})",
            slow / scored >= 16,
        ),
        *(
            Goal(
                f"frames/s from shard to shard over the bare model's, {how}",
                "≥ 0.90",
                f"{alone / scored:.2f} ({1 / scored:.2f} over {1 / alone:.2f})",
                alone / scored >= 0.90,
            )
            for how, alone in ((IN_A_LOOP, bare), (CONCURRENTLY, together))
        ),
        Goal(
            "FLOP/s over a large matrix product's in the same precision",
            "≥ 0.4",
            f"{flops / their_best:.2f} ({flops / 1e9:.0f} over {their_best / 1e9:.0f} GFLOP/s)",
            flops / their_best >= 0.4,
        ),
    ]
