"""What Azure's services write and announce of readings is what the code reads."""

import base64
import json
import re
from datetime import UTC, datetime
from typing import Any

from shared import names
from shared.messages import BlobCreated, decode
from tests.unit.test_azure_templates import AZURE, body, parsed
from workloads.readings.settings import ReadingsSettings
from workloads.readings.windows import Task, Window, arrival_of

HOUR = datetime(2026, 11, 20, 14, tzinfo=UTC)


def properties(module: str, resource: str) -> dict[str, Any]:
    found: dict[str, Any] = body(parsed(AZURE / f"modules/{module}.bicep")["resources"][resource])
    return found["properties"]  # type: ignore[no-any-return]


def test_the_logic_app_announces_the_round_of_the_hour_before() -> None:
    """Its expressions are filled in here as Azure documents them."""
    text = (AZURE / "modules/logic.bicep").read_text()
    assert "addHours(utcNow(), -1), \\'yyyy-MM-ddTHH\\'" in text
    said = json.dumps(parsed(AZURE / "modules/logic.bicep")["variables"]["event"]["value"])
    for expression, value in {
        "@{guid()}": "0f8fad5b-d9cb-469f-a165-70867728950e",
        "@{utcNow()}": "2026-11-20T15:10:00.1234567Z",
        "@{${hour}}": f"{HOUR:%Y-%m-%dT%H}",
    }.items():
        assert expression in said
        said = said.replace(expression, value)
    event = decode(base64.b64encode(said.encode()).decode(), BlobCreated)
    assert event.is_window
    assert event.job == names.window_job("readings", "2026-11-20T14")
    assert Task.of(event.blob).window == Window(HOUR)
    assert "base64(string(outputs(\\'message\\')))" in text
    assert "arrivals/messages?messagettl=-1" in text  # else it is gone after a week


def test_the_code_reads_the_hour_of_what_capture_writes() -> None:
    capture = properties("eventhubs", "hub")["captureDescription"]
    form = capture["destination"]["properties"]["archiveNameFormat"]
    values = {"Namespace": "ns", "EventHub": "hub", "PartitionId": "0"}
    times = {"Year": "%Y", "Month": "%m", "Day": "%d", "Hour": "%H", "Minute": "%M", "Second": "%S"}
    path = form.format_map(values | {key: HOUR.strftime(code) for key, code in times.items()})
    assert arrival_of(f"{path}.avro") == Window(HOUR)
    assert capture["encoding"] == "Avro"
    assert capture["destination"]["properties"]["blobContainer"] == "readings"


def test_the_code_reads_what_stream_analytics_writes() -> None:
    [output] = properties("eventhubs", "stream")["outputs"]
    place = output["properties"]["datasource"]["properties"]
    formats = {"yyyy/MM/dd": "%Y/%m/%d", "HH": "%H"}
    date, time = (HOUR.strftime(formats[place[key]]) for key in ("dateFormat", "timeFormat"))
    path = place["pathPattern"].format(date=date, time=time)
    assert arrival_of(f"{path}/0_a1b2.parquet") == Window(HOUR)
    assert output["properties"]["serialization"]["type"] == "Parquet"
    query = (AZURE / "readings.asaql").read_text()
    [columns] = re.findall(r"SELECT\s+(.*?)\s+INTO", query, re.DOTALL)
    assert set(re.split(r",\s*", columns)) == set(ReadingsSettings().readings_fields)
    [name] = re.findall(r"INTO (\w+)", query)
    assert name == output["name"]
