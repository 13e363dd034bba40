"""Bundles: the trained models of a shard's devices as Arrow, and the file of a segment's."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from shared.shards import Item
from workloads.readings.scored import few
from workloads.readings.shard import decoded

#: How a bundle says which devices have no model, and why.
REPORT = b"impasto.training"
COLUMNS = pa.schema([("device", pa.string()), ("model", pa.binary()), ("facts", pa.string())])


def read_trained(data: bytes) -> tuple[pa.Table, dict[str, str]]:
    table = decoded(data)
    skipped: dict[str, str] = json.loads((table.schema.metadata or {}).get(REPORT, b"{}"))
    return table, skipped


def trained_file(items: Iterator[Item], path: Path) -> None:
    """Write a segment's bundles to a file: a batch for each."""
    skipped: dict[str, str] = {}
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, COLUMNS) as file:
        for item in items:
            table, why = read_trained(item.data)
            skipped |= why
            for batch in table.combine_chunks().to_batches():
                file.write_batch(batch.replace_schema_metadata())
    append_report(path, skipped)


def append_report(path: Path, skipped: dict[str, str]) -> None:
    """Add the devices without a model behind the Arrow stream."""
    data = REPORT + json.dumps(few(skipped)).encode()
    with path.open("ab") as file:
        file.write(data + len(data).to_bytes(8, "little"))


def read_report(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        file.seek(-8, 2)
        size = int.from_bytes(file.read(8), "little")
        file.seek(-8 - size, 2)
        found: dict[str, str] = json.loads(file.read(size).removeprefix(REPORT))
    return found


def bundle_of(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, batch.schema) as file:
        file.write_batch(batch)
    found: bytes = sink.getvalue().to_pybytes()
    return found
