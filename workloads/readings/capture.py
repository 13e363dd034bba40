"""Writes Avro files as Event Hubs Capture writes them."""

import io
from collections.abc import Iterable
from datetime import datetime

import fastavro

SCHEMA = fastavro.parse_schema(
    {
        "type": "record",
        "name": "EventData",
        "namespace": "Microsoft.ServiceBus.Messaging",
        "fields": [
            {"name": "SequenceNumber", "type": "long"},
            {"name": "Offset", "type": "string"},
            {"name": "EnqueuedTimeUtc", "type": "string"},
            {
                "name": "SystemProperties",
                "type": {"type": "map", "values": ["long", "double", "string", "bytes"]},
            },
            {
                "name": "Properties",
                "type": {"type": "map", "values": ["long", "double", "string", "bytes", "null"]},
            },
            {"name": "Body", "type": ["null", "bytes"]},
        ],
    }
)


def captured(bodies: Iterable[bytes], at: datetime) -> bytes:
    """The file for events with these bodies, which came at about that time."""
    out = io.BytesIO()
    stamp = f"{at.month}/{at.day}/{at.year} {at:%I:%M:%S %p}"
    records = (
        {
            "SequenceNumber": number,
            "Offset": str(number * 64),
            "EnqueuedTimeUtc": stamp,
            "SystemProperties": {},
            "Properties": {},
            "Body": body,
        }
        for number, body in enumerate(bodies)
    )
    fastavro.writer(out, SCHEMA, records)
    return out.getvalue()


def capture_path(hub: str, partition: int, at: datetime) -> str:
    return f"{hub}/{partition}/{at:%Y/%m/%d/%H/%M/%S}.avro"
