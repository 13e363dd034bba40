"""A shard's item: the readings of some devices as Arrow IPC, sorted by device and time."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from shared.errors import Malformed
from workloads.readings.columns import TIME, Columns
from workloads.readings.windows import Task

#: How the file says which job it belongs to.
TASK = b"impasto.task"


class Shard(NamedTuple):
    task: Task
    columns: Columns

    @property
    def nbytes(self) -> int:
        return sum(column.nbytes for column in self.columns[1:])

    def encode(self) -> bytes:
        devices, codes, times, values = self.columns
        table = pa.table(
            {
                "device": pa.DictionaryArray.from_arrays(
                    pa.array(codes), pa.array(devices, pa.string())
                ),
                "time": pa.array(times).cast(TIME),
                "value": pa.array(values),
            }
        )
        return encoded(table.replace_schema_metadata({TASK: self.task.blob}))

    @classmethod
    def decode(cls, data: bytes) -> "Shard":
        table = decoded(data)
        task = Task.of((table.schema.metadata or {}).get(TASK, b"").decode())
        device = table.column("device").combine_chunks()
        columns = Columns(
            device.dictionary.to_pylist(),
            np.asarray(device.indices, np.int32),
            np.asarray(table.column("time").cast(pa.int64())),
            np.asarray(table.column("value")),
        )
        return cls(task, columns)


def encoded(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(sink, table.schema, options=options) as file:
        file.write_table(table)
    found: bytes = sink.getvalue().to_pybytes()
    return found


def decoded(data: bytes) -> pa.Table:
    """Raise Malformed if it isn't an Arrow file."""
    try:
        return pa.ipc.open_file(pa.BufferReader(data)).read_all()
    except pa.ArrowInvalid as error:
        raise Malformed(f"an item isn't an Arrow file: {error}") from error
