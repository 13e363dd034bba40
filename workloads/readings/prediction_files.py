"""The files of a round's predictions: Parquet and CSV."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from workloads.readings.scored import SCHEMA

#: Numbers differ from row to row, so dictionaries of them would only cost time.
REPEATED = [field.name for field in SCHEMA if pa.types.is_dictionary(field.type)]
#: CSV has neither dictionaries nor times.
CSV_SCHEMA = pa.schema(
    [(f.name, pa.string() if f.name in (*REPEATED, "time") else f.type) for f in SCHEMA]
)


def parquet_file(path: Path) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, SCHEMA, compression="zstd", use_dictionary=REPEATED)


def csv_file(path: Path) -> pa.csv.CSVWriter:
    return pa.csv.CSVWriter(
        path, CSV_SCHEMA, write_options=pa.csv.WriteOptions(quoting_style="needed")
    )


def csv_rows(table: pa.Table) -> pa.Table:
    """The same rows with text for what CSV has no type for."""
    time = table.column("time")
    # Arrow takes twenty times as long to format times with a zone.
    text = pc.binary_join_element_wise(time.cast(pa.timestamp("us")).cast(pa.string()), "Z", "")
    place = table.schema.get_field_index("time")
    return table.set_column(place, "time", text).cast(CSV_SCHEMA)
