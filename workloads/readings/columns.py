"""Readings as columns: made from rows of a file, with what is malformed put aside.

Only this module decides what a reading is: a device's name, a time in UTC, and a finite value.
"""

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

#: Times are int64: microseconds since 1970, in UTC.
TIME = pa.timestamp("us", "UTC")
LONGEST_DEVICE = 200
#: Characters of an example.
MOST_SHOWN = 200
#: A number above it is in milliseconds, not seconds: the year 5138 in seconds.
MILLISECONDS = 1e11

NO_DEVICE = "it has no device"
BAD_DEVICE = f"its device has control characters, or over {LONGEST_DEVICE} bytes"
NO_TIME = "it has no time"
BAD_TIME = "its time isn't ISO 8601 with a zone, nor a number"
FUTURE = "its clock is in the future"
TOO_LATE = "it is too late"
NO_VALUE = "it has no value"
BAD_VALUE = "its value isn't a number"
#: Squares of values, and sums of them, must be finite too.
LARGEST_VALUE = 1e100
NOT_FINITE = f"its value isn't finite, or is over {LARGEST_VALUE:g}"
NOT_READING = "it isn't a reading"


class Bounds(NamedTuple):
    """Which times are accepted, as microseconds."""

    first: int
    last: int


class Rejected(NamedTuple):
    reason: str
    #: The reading's number in its file.
    place: int
    example: str


class Columns(NamedTuple):
    """Readings; `codes` are indices of `devices`."""

    devices: list[str]
    codes: NDArray[np.int32]
    times: NDArray[np.int64]
    values: NDArray[np.float64]


class Cleaned(NamedTuple):
    good: Columns
    #: How many were rejected, by reason, and some of them.
    counts: dict[str, int]
    examples: list[Rejected]


def clean(rows: pa.Table, first: int, bounds: Bounds, most_examples: int) -> Cleaned:
    """Take a table with the columns device, time and value, of any types."""
    device, time, value = (rows.column(n).combine_chunks() for n in range(3))
    reasons: NDArray[Any] | None = None
    try:
        columns = device.cast(pa.string()), as_times(time), value.cast(pa.float64())
        for column in columns:
            column.validate(full=True)
    except pa.ArrowInvalid:
        triples = list(zip(objects(device), objects(time), objects(value), strict=True))
        converted = [convert(*triple) for triple in triples]
        reasons = np.array([reason for *_, reason in converted], object)
        columns = (
            pa.array([each[0] for each in converted], pa.string()),
            pa.array([each[1] for each in converted], pa.int64()).cast(TIME),
            pa.array([each[2] for each in converted], pa.float64()),
        )
    return checked(columns, reasons, (device, time, value), first, bounds, most_examples)


def as_times(column: pa.Array) -> pa.Array:
    """Raise ArrowInvalid if they aren't strings with a zone, times, or numbers."""
    if pa.types.is_timestamp(column.type):
        # Parquet's times without a zone are UTC, as Stream Analytics writes them.
        return column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(TIME)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        seconds = column.cast(pa.float64())
        if pc.any(pc.invert(pc.less(pc.abs(seconds), 1e14))).as_py():
            raise pa.ArrowInvalid("a time is too large")
        scale = pc.if_else(pc.greater(pc.abs(seconds), MILLISECONDS), 1e3, 1e6)
        return pc.round(pc.multiply(seconds, scale)).cast(pa.int64()).cast(TIME)
    text = column.cast(pa.string())
    try:
        return text.cast(TIME)
    except pa.ArrowInvalid:
        return as_times(text.cast(pa.float64()))


def checked(
    columns: tuple[pa.Array, pa.Array, pa.Array],
    reasons: NDArray[Any] | None,
    raw: tuple[pa.Array, pa.Array, pa.Array],
    first: int,
    bounds: Bounds,
    most_examples: int,
) -> Cleaned:
    encoded = columns[0].dictionary_encode()
    names = encoded.dictionary.to_pylist()
    codes = encoded.indices.fill_null(-1).to_numpy().astype(np.int32)
    times = columns[1].cast(pa.int64()).fill_null(0).to_numpy()
    values = columns[2].fill_null(math.nan).to_numpy()
    bad_names = np.array([not is_name(name) for name in names] + [False])
    tests: list[tuple[str, NDArray[np.bool_]]] = [
        (NO_DEVICE, (codes < 0) | np.array([not n for n in names] + [True])[codes]),
        (BAD_DEVICE, bad_names[codes]),
        (NO_TIME, columns[1].is_null().to_numpy(zero_copy_only=False)),
        (FUTURE, times >= bounds.last),
        (TOO_LATE, times < bounds.first),
        (NO_VALUE, columns[2].is_null().to_numpy(zero_copy_only=False)),
        (NOT_FINITE, ~(np.abs(values) <= LARGEST_VALUE)),
    ]
    keep = np.ones(len(codes), bool)
    counts: dict[str, int] = {}
    examples: list[Rejected] = []
    if reasons is not None:
        known = [(reason, reasons == reason) for reason in sorted({r for r in reasons if r})]
        tests = known + tests
    for reason, mask in tests:
        hit = np.flatnonzero(mask & keep)
        if not len(hit):
            continue
        counts[reason] = len(hit)
        keep[hit] = False
        for row in hit[: max(0, most_examples - len(examples))]:
            shown = ", ".join(shown_value(column, row) for column in raw)
            examples.append(Rejected(reason, first + int(row), shown[:MOST_SHOWN]))
    if not counts:
        return Cleaned(Columns(names, codes, times, values), {}, [])
    good = Columns([n or "" for n in names], codes[keep], times[keep], values[keep])
    return Cleaned(good, counts, examples)


def is_name(name: str) -> bool:
    return len(name.encode()) <= LONGEST_DEVICE and name.isprintable()


def shown_value(column: pa.Array, row: int) -> str:
    [value] = objects(column.slice(row, 1))
    return ascii(value)


def objects(column: pa.Array) -> Iterable[Any]:
    """The column's values; strings that aren't UTF-8 as bytes."""
    if pa.types.is_string(column.type):
        column = column.cast(pa.binary())
    try:
        found = column.to_pylist()
    except (ValueError, OverflowError):  # times that Python's datetime can't have
        found = column.cast(pa.int64()).to_pylist()
    return (text_of(value) if isinstance(value, bytes) else value for value in found)


def text_of(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def convert(
    device: object, time: object, value: object
) -> tuple[str | None, int | None, float | None, str]:
    """One reading, with the reason why it isn't one, or an empty reason."""
    number = number_of(value)
    when = time_of(time)
    if isinstance(device, int) and not isinstance(device, bool):
        device = str(device)
    if device is not None and not isinstance(device, str):
        return None, None, None, NOT_READING
    if time is not None and when is None:
        return device, None, None, BAD_TIME
    if value is not None and number is None:
        return device, when, None, BAD_VALUE
    return device, when, number, ""


def number_of(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def time_of(time: object) -> int | None:
    try:
        if isinstance(time, str) and (number := number_of(time)) is not None:
            time = number
        elif isinstance(time, str):
            time = datetime.fromisoformat(time)
            if time.tzinfo is None:
                return None
        if isinstance(time, datetime):
            return round(time.replace(tzinfo=time.tzinfo or UTC).timestamp() * 1e6)
        if isinstance(time, int | float) and not isinstance(time, bool) and abs(time) < 1e14:
            return round(time * (1e3 if abs(time) > MILLISECONDS else 1e6))
    except (ValueError, OverflowError):
        pass
    return None
