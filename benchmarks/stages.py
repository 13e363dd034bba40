"""What each stage costs for a frame, beside the least that it could: `make bench`.

Every stage is run as its service runs it, on a real Azurite, in this one process; its floor is the
same codecs or the same network with nothing around them, in the same run. CPU time of the service
and its cage (not of Azurite) is counted, over the median of several rounds; look at the ratios.
"""

import math
import multiprocessing
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import simplejpeg
import torch
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from services.console import accounts, azurite
from services.console.stack import Lifeline
from services.scorer.catalog import shipped
from services.scorer.painter import Painter, load_network, load_style
from services.scorer.service import ScoringService
from services.scorer.settings import ScorerSettings
from services.splitter.service import Splitter
from services.splitter.settings import SplitterSettings
from services.stitcher.service import Stitcher
from services.stitcher.settings import StitcherSettings
from shared import logs, names
from shared.messages import BlobCreated, ChunkPlanned, ChunkScored, SegmentPlanned
from shared.models import Models
from shared.runtime.work import Work
from shared.shards import unpack
from shared.storage import Storage

CLIP = Path("deploy/sample/bigbuckbunny.mp4")
STYLE = "great-wave"
ROUNDS = 3


class Row(NamedTuple):
    stage: str
    floor: float
    cost: float


class Pipeline:
    """One job taken through the services' own handlers, as often as is wanted."""

    def __init__(self, storage: Storage, connections: dict[str, object]) -> None:
        self.storage = storage
        self.splitter = Splitter(storage, SplitterSettings.model_validate(connections))
        self.scorer = ScoringService(storage, ScorerSettings.model_validate(connections))
        self.stitcher = Stitcher(
            storage,
            StitcherSettings.model_validate(connections | {"keep_intermediates": True}),
        )
        self.job = ""

    def drop(self) -> None:
        blob = f"{STYLE}/{time.monotonic_ns()}.mp4"
        etag = self.storage.container("input").write(blob, CLIP.read_bytes())
        event = BlobCreated.of(
            event_id="bench",
            url="",
            container="input",
            blob=blob,
            etag=etag,
            size=CLIP.stat().st_size,
            at=datetime.now(UTC),
        )
        self.job = event.job
        self.splitter.arrived(event, Work(1))

    def split(self) -> None:
        self.splitter.split(SegmentPlanned(trace="bench", job=self.job, segment=0), Work(1))

    def score(self) -> None:
        shards = len(self.storage.container("frames").under(f"{self.job}/"))
        chunk = ChunkPlanned(
            trace="bench",
            job=self.job,
            segment=0,
            chunk=0,
            model=STYLE,
            first_shard=0,
            shards=shards,
        )
        self.scorer.score(chunk, Work(1))

    def stitch(self) -> None:
        scored = ChunkScored(trace="bench", job=self.job, segment=0, chunk=0)
        self.stitcher.scored(scored, Work(1))

    def jpegs(self, container: str) -> list[bytes]:
        shards = self.storage.container(container).under(names.segment_folder(self.job, 0))
        read = self.storage.container(container).read
        return [item.data for shard in shards for item in unpack(read(shard.name))]


def splitting_floor() -> None:
    """Decode and make JPEGs: nothing planned, packed or sent."""
    reformatter = VideoReformatter()
    with av.open(str(CLIP)) as container:
        for frame in container.decode(video=0):
            pixels = reformatter.reformat(frame, format="rgb24").to_ndarray()
            simplejpeg.encode_jpeg(pixels, 95, "RGB", "420")


def jpeg_decibels(quality: int, subsampling: str) -> float:
    """How far JPEG takes the sample's frames from what was decoded."""
    errors = []
    with av.open(str(CLIP)) as container:
        for frame in islice(container.decode(video=0), 0, None, 12):
            pixels = frame.to_ndarray(format="rgb24")
            again = simplejpeg.decode_jpeg(
                simplejpeg.encode_jpeg(pixels, quality, "RGB", subsampling), "RGB"
            )
            errors.append(np.square(pixels.astype(float) - again).mean())
    return 10 * math.log10(255**2 / statistics.mean(errors))


def scoring_floor(painter: Painter, jpegs: list[bytes]) -> Callable[[], None]:
    """The bare network, on frames that are decoded already."""
    frames = [simplejpeg.decode_jpeg(data, "RGB") for data in jpegs[:16]]

    def paint() -> None:
        for n in range(len(jpegs)):
            painter.paint(frames[n % len(frames)])

    return paint


def stitching_floor(jpegs: list[bytes], folder: Path) -> Callable[[], None]:
    """Decode JPEGs and encode video: nothing fetched, muxed or sent."""

    def encode() -> None:
        reformatter = VideoReformatter()
        with av.open(str(folder / "floor.mp4"), "w") as out:
            stream = out.add_stream("libx264", rate=Fraction(25))
            stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
            stream.codec_context.options = {"preset": "veryfast", "crf": "18"}
            for data in jpegs:
                rgb = VideoFrame.from_numpy_buffer(simplejpeg.decode_jpeg(data, "RGB"))
                out.mux(stream.encode(reformatter.reformat(rgb, format="yuv420p")))
            out.mux(stream.encode(None))

    return encode


def cpu(call: Callable[[], None]) -> float:
    began = spent_so_far()
    call()
    return spent_so_far() - began


def spent_so_far() -> float:
    """By this process and the cages of its services."""
    seconds = time.process_time()
    for child in multiprocessing.active_children():
        after_name = Path(f"/proc/{child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        seconds += sum(map(int, after_name[11:13])) / os.sysconf("SC_CLK_TCK")
    return seconds


def measure(storage: Storage, connections: dict[str, object], folder: Path) -> list[Row]:
    models = {model.name: model for model in shipped()}
    Models(storage).publish(models[STYLE])
    network = load_network(ScorerSettings.model_validate(connections).network)
    painter = Painter(network, load_style(models[STYLE].data, network))
    pipeline = Pipeline(storage, connections)
    spent: dict[str, list[tuple[float, float]]] = {"split": [], "score": [], "stitch": []}
    frames = 1
    for warm in range(ROUNDS + 1):
        pipeline.drop()
        found = {"split": (cpu(splitting_floor), cpu(pipeline.split))}
        sources = pipeline.jpegs("frames")
        found["score"] = (cpu(scoring_floor(painter, sources)), cpu(pipeline.score))
        painted = pipeline.jpegs("scored")
        found["stitch"] = (cpu(stitching_floor(painted, folder)), cpu(pipeline.stitch))
        frames = len(sources)
        if warm:  # the first round only warms up
            for stage, pair in found.items():
                spent[stage].append(pair)
    pipeline.splitter.close()
    pipeline.stitcher.close()
    return [
        Row(
            stage,
            statistics.median(floor for floor, _ in pairs) / frames,
            statistics.median(cost for _, cost in pairs) / frames,
        )
        for stage, pairs in spent.items()
    ]


def main() -> None:
    logs.configure("bench", "warning")
    lifeline = Lifeline()
    with tempfile.TemporaryDirectory(prefix="impasto-bench-") as name:
        folder = Path(name)
        local = accounts.make(folder)
        store = azurite.start(local, folder / "azurite", folder / "azurite.log", lifeline.end)
        try:
            storage = Storage(local.settings())
            storage.prepare()
            connections: dict[str, object] = {
                "media_connection": local.media_connection,
                "work_connection": local.work_connection,
            }
            rows = measure(storage, connections, folder)
        finally:
            store.terminate()
            store.wait()
            lifeline.cut()
    print(
        f"\n{CLIP.name}, {STYLE}; {os.cpu_count()} cores, {platform.processor() or 'cpu'}, ", end=""
    )
    print(f"torch {torch.__version__}\n")
    print("| stage | floor, CPU ms a frame | stage, CPU ms a frame | ratio |")
    print("|---|---|---|---|")
    for row in rows:
        floor, cost = row.floor * 1000, row.cost * 1000
        print(f"| {row.stage} | {floor:.1f} | {cost:.1f} | {cost / floor:.2f} |")
    print(
        f"\nJPEG on the way, at quality 95: {jpeg_decibels(95, '420'):.1f} dB with colour at a "
        f"quarter, {jpeg_decibels(95, '444'):.1f} dB with all of it"
    )


if __name__ == "__main__":
    main()
