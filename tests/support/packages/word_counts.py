"""A workload of another package: counts the words of texts. A line is an item."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from shared import names
from shared.jobs import Jobs
from shared.messages import BlobCreated
from shared.models import Model
from shared.records import Job, Segment, Source, Span
from shared.scorer import Threads
from shared.shards import Item, pack
from shared.storage import Storage
from shared.workload import Check, Made, Plan, Workload, WriteShard

LINES_IN_SEGMENT, LINES_IN_SHARD = 100, 20


class WordCounts(Workload):
    name, input, output = "word-counts", "texts", "counts"
    items, model = "lines", "counter"
    how_to = "drop texts in the container texts"

    def splitting(self, storage: Storage) -> "Splitting":
        return Splitting(storage)

    def scoring(self, storage: Storage) -> "Scoring":
        return Scoring()

    def stitching(self, storage: Storage) -> "Stitching":
        return Stitching(storage)

    def shipped_models(self) -> list[Model]:
        return [Model("words", self.name)]


class Splitting:
    failure = "the text can't be read"

    def __init__(self, storage: Storage) -> None:
        self._texts = storage.container(WordCounts.input)

    def plan(self, event: BlobCreated, check: Check) -> Plan:
        count = len(self._lines(event.blob))
        starts = range(0, count, LINES_IN_SEGMENT)
        ends = [min(count, start + LINES_IN_SEGMENT) for start in starts]
        spans = [Span(start=a, stop=b, items=b - a) for a, b in zip(starts, ends, strict=True)]
        return Plan(Source.of(event), "words", spans, {}, LINES_IN_SHARD)

    def split(self, job: Job, segment: int, write: WriteShard, check: Check) -> Segment:
        span = job.segments[segment]
        lines = self._lines(job.source.blob)[span.start : span.stop]
        for shard, first in enumerate(range(0, len(lines), LINES_IN_SHARD)):
            part = lines[first : first + LINES_IN_SHARD]
            write(shard, pack(Item(f"{n}.txt", line) for n, line in enumerate(part)))
        return Segment(job=job.job, segment=segment, items=len(lines), shards=shard + 1)

    def _lines(self, blob: str) -> list[bytes]:
        return self._texts.read(blob).splitlines()

    def close(self) -> None:
        pass


class Scoring:
    """Also the only scorer: there is one way to count."""

    device, batch = "none", 8
    threads: Threads | None = None

    def scorer(self, model: str) -> "Scoring":
        return self

    def decode(self, data: bytes) -> str:
        return data.decode()

    def score(self, values: Sequence[str]) -> Sequence[str]:
        return [json.dumps(Counter(value.lower().split())) for value in values]

    def encode(self, value: str) -> bytes:
        return value.encode()

    def count(self, value: str) -> int:
        return 1

    def report(self) -> dict[str, float | str]:
        return {}


class Stitching:
    def __init__(self, storage: Storage) -> None:
        self._segments = Jobs(storage).segments

    def join(self, job: Job, segment: Segment, items: Iterator[Item], path: Path) -> None:
        path.write_text(total(item.data for item in items))

    def finish(
        self, job: Job, segments: Sequence[Segment], sizes: Sequence[int], path: Path, check: Check
    ) -> Made:
        blobs = [names.segment_blob(job.job, segment.segment) for segment in segments]
        (path / "counts").write_text(total(map(self._segments.read, blobs)))
        return Made({f"{job.source.blob}.json": path / "counts"}, [])

    def close(self) -> None:
        pass


def total(parts: Iterator[bytes]) -> str:
    return json.dumps(sum((Counter(json.loads(part)) for part in parts), Counter()))


WORD_COUNTS = WordCounts()
