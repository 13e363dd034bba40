"""Reads files of readings: Avro as Event Hubs Capture writes it, and CSV and Parquet.

A damaged file yields what comes before the damage, and of an Avro file all blocks but the damaged
ones. Runs in the sandbox.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple, TypeAlias, cast

import fastavro
import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from shared.errors import Refused
from workloads.readings.columns import NOT_READING

#: What is parsed at once, in bytes.
BLOCK = 4 << 20
ROWS = 1 << 17
NOT_JSON = "its event isn't JSON in UTF-8"
BROKEN = "the file is broken"
NO_FORMAT = "the file's format isn't known"
#: How a file begins.
AVRO = b"Obj\x01"
Fields = tuple[str, str, str]


class Damage(NamedTuple):
    """Something that isn't even a row."""

    reason: str
    example: str


Part: TypeAlias = pa.Table | Damage


def parts_of(name: str, file: BinaryIO, fields: Fields) -> Iterator[Part]:
    """Tables with a device, a time and a value in each row, and what is damaged."""
    reader = READERS.get(name.rpartition(".")[2].lower())
    if reader is None:
        yield Damage(NO_FORMAT, name)
        return
    try:
        yield from reader(file, fields)
    except (MemoryError, Refused):
        raise
    except Exception as error:  # a broken file makes these libraries raise anything
        yield Damage(BROKEN, f"{type(error).__name__}: {error}")


def read_avro(file: BinaryIO, fields: Fields) -> Iterator[Part]:
    if file.read(len(AVRO)) != AVRO:
        # fastavro believes the lengths in such a file, and may need any amount of memory.
        raise ValueError("it doesn't begin as an Avro file")
    file.seek(0)
    events: list[bytes] = []
    size = 0
    for block in fastavro.block_reader(file):
        try:
            bodies = [cast(dict[str, bytes | None], record)["Body"] or b"" for record in block]
        except Exception as error:  # as above; the next block may be sound
            yield Damage(BROKEN, f"{type(error).__name__}: {error}")
            continue
        events += bodies
        size += sum(map(len, bodies))
        if size > BLOCK:
            yield from tables_of(events, fields)
            events, size = [], 0
    if events:
        yield from tables_of(events, fields)


def tables_of(events: list[bytes], fields: Fields) -> Iterator[Part]:
    """Each event is a reading, a list of readings, or lines of readings."""
    lists = [event for event in events if event.startswith(b"[")]
    single = [event for event in events if not event.startswith(b"[")]
    try:
        if not all(map(bytes.strip, single)):
            raise ValueError("an event is empty")
        found = [table_of_lines(b"\n".join(single), fields)] if single else []
        if lists:
            found.append(table_of_lists(lists, fields))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, StopIteration, ValueError):
        yield from tables_one_by_one(events, fields)
        return
    yield from found


def table_of_lines(data: bytes, fields: Fields) -> pa.Table:
    return parsed(data, pa.schema(types_of(data, fields))).select(list(fields))


def table_of_lists(events: list[bytes], fields: Fields) -> pa.Table:
    data = b"\n".join(b'{"a":' + b" ".join(event.splitlines()) + b"}" for event in events)
    struct = pa.struct(types_of(events[0], fields))
    lists = parsed(data, pa.schema([("a", pa.list_(struct))]))["a"]
    if lists.num_chunks == 0:
        return pa.table({name: [] for name in fields})
    if len(lists) != len(events):
        raise ValueError("an event has something else as well")
    flat = pa.chunked_array([chunk.flatten() for chunk in lists.chunks])
    return pa.Table.from_struct_array(flat).select(list(fields))


def types_of(data: bytes, fields: Fields) -> list[tuple[str, pa.DataType]]:
    """The fields' types. The time's is that of the first reading."""
    first, _ = json.JSONDecoder().raw_decode(data[:BLOCK].decode().lstrip("[ \r\n\t"))
    number = isinstance(first, dict) and isinstance(first.get(fields[1]), int | float)
    times = pa.float64() if number else pa.string()
    return list(zip(fields, (pa.string(), times, pa.float64()), strict=True))


def parsed(data: bytes, schema: pa.Schema) -> pa.Table:
    table = pa.json.read_json(
        pa.BufferReader(data),
        pa.json.ReadOptions(use_threads=False, block_size=len(data) + 1),
        pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    )
    table.validate(full=True)
    return table


def tables_one_by_one(events: list[bytes], fields: Fields) -> Iterator[Part]:
    rows: list[Any] = []
    for event in events:
        found = readings_in(event)
        if found is None:
            yield Damage(NOT_JSON, ascii(event[:100]))
        else:
            rows += found
    for row in rows:
        if not isinstance(row, dict):
            yield Damage(NOT_READING, ascii(row)[:100])
    yield from object_tables([row for row in rows if isinstance(row, dict)], fields)


def readings_in(event: bytes) -> list[Any] | None:
    try:
        text = event.decode()
        try:
            found = json.loads(text)
            return found if isinstance(found, list) else [found]
        except ValueError:
            lines = [line for line in text.splitlines() if line.strip()]
            return [json.loads(line) for line in lines] or None
    except (ValueError, RecursionError):
        return None


def object_tables(rows: list[dict[str, Any]], fields: Fields) -> Iterator[pa.Table]:
    """Rows of any types, each value as the text of a JSON value that isn't a string or number."""
    if not rows:
        return
    columns = [[plain(row.get(name)) for row in rows] for name in fields]
    yield pa.table(dict(zip(fields, map(texts, columns), strict=True)))


def plain(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return repr(value) if isinstance(value, int | float) else json.dumps(value)


def texts(column: list[str | None]) -> pa.Array:
    # A lone surrogate, which JSON may have, isn't UTF-8.
    return pa.array([v if v is None else v.encode("utf-8", "surrogatepass") for v in column])


def read_csv(file: BinaryIO, fields: Fields) -> Iterator[Part]:
    damaged: list[Damage] = []

    def put_aside(row: pa.csv.InvalidRow) -> str:
        damaged.append(Damage(NOT_READING, ascii(row.text)[:100]))
        return "skip"

    reader = pa.csv.open_csv(
        file,
        pa.csv.ReadOptions(use_threads=False, block_size=BLOCK),
        pa.csv.ParseOptions(invalid_row_handler=put_aside),
        pa.csv.ConvertOptions(
            column_types=dict.fromkeys(fields, pa.binary()),
            include_columns=list(fields),
            strings_can_be_null=True,
            null_values=[""],
        ),
    )
    for batch in reader:
        yield from damaged
        damaged.clear()
        yield pa.Table.from_batches([batch])
    yield from damaged


def read_parquet(file: BinaryIO, fields: Fields) -> Iterator[Part]:
    for batch in pa.parquet.ParquetFile(file).iter_batches(
        ROWS, columns=list(fields), use_threads=False
    ):
        yield pa.Table.from_batches([batch]).select(list(fields))


READERS: dict[str, Callable[[BinaryIO, Fields], Iterator[Part]]] = {
    "avro": read_avro,
    "csv": read_csv,
    "parquet": read_parquet,
}
