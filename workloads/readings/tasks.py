"""The task that the splitter runs in its sandbox: reads a file into columns."""

import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from shared.sandbox.child import import_all
from shared.sandbox.files import TaskFiles
from workloads.readings.columns import TIME, Bounds, clean
from workloads.readings.formats import READERS, Damage, parts_of, read_avro

Answers = Iterator[tuple[Any, bytes]]


def columns_of(
    files: TaskFiles, name: str, fields: list[str], bounds: list[int], most_examples: int
) -> Answers:
    """Yield readings with their counts of what was rejected; the bytes are three arrays."""
    device, time, value = fields
    first = 0
    for part in parts_of(name, files.open("source"), (device, time, value)):
        if isinstance(part, Damage):
            example = [part.reason, first, part.example[:200]]
            yield {"counts": {part.reason: 1}, "examples": [example]}, b""
            continue
        cleaned = clean(part, first, Bounds(*bounds), most_examples)
        first += part.num_rows
        good = cleaned.good
        answer = {
            "devices": good.devices,
            "readings": len(good.codes),
            "counts": cleaned.counts,
            "examples": [list(example) for example in cleaned.examples],
        }
        yield answer, good.codes.tobytes() + good.times.tobytes() + good.values.tobytes()


TASKS = {"columns": columns_of}


def warm_up() -> None:
    """Read a file of each format: all modules have to be loaded before the sandbox closes."""
    import fastavro

    # Its default reserves more address space than the child may have.
    pa.set_memory_pool(pa.system_memory_pool())
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    import_all("fastavro")
    fields = ("device", "time", "value")
    for body in (b'{"device":"a","time":"2026-11-20T14:00:00Z","value":1}', b"x", b"[{}]"):
        for codec in ("null", "deflate"):
            out = io.BytesIO()
            schema = {"type": "record", "name": "E", "fields": [{"name": "Body", "type": "bytes"}]}
            fastavro.writer(out, schema, [{"Body": body}], codec=codec)
            out.seek(0)
            for part in read_avro(out, fields):
                if not isinstance(part, Damage):
                    clean(part, 0, Bounds(0, 0), 1)
    table = pa.table({"device": ["a"], "time": pa.array([0]).cast(TIME), "value": [1.0]})
    parquet = io.BytesIO()
    pa.parquet.write_table(table, parquet)
    for name, data in (
        ("a.parquet", parquet.getvalue()),
        ("a.csv", b"device,time,value\na,b\nb,c,d"),
    ):
        for part in READERS[name.rpartition(".")[2]](io.BytesIO(data), fields):
            if not isinstance(part, Damage):
                clean(part, 0, Bounds(0, 0), 1)
