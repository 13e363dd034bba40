"""`impasto trace`, `logs` and `audit`: what services did and said, and what people did."""

from typing import Annotated

import typer

from services.console import terminal
from services.console.commands.options import HOME, Data, Json, connected, known_settings
from services.console.follow import StoppedByUser
from services.console.waterfall import summary, waterfall
from shared.control.job_lines import JobLines, Line
from shared.control.time_spent import Told, time_spent
from shared.control.traces import Trace, trace_from
from shared.jobs import Jobs
from shared.runtime.stop import Stop
from shared.storage import Storage
from shared.telemetry.audit import Audit

COLOURS = {"warning": "yellow", "error": "red", "critical": "red"}
#: What a printed line shows otherwise than as `name=value`, or not at all.
SHOWN = {"timestamp", "level", "event", "service", "version", "replica", "job"}
SHOWN |= {"trace_id", "span_id", "exception", "queue", "message_id", "stream"}


def trace(
    job: str,
    every: Annotated[bool, typer.Option("--all", help="Leave out no delivery.")] = False,
    otlp: Annotated[
        str | None, typer.Option(metavar="URL", help="Send the trace to this collector instead.")
    ] = None,
    json: Json = False,
    data: Data = HOME,
) -> None:
    """Draw who did what for a job, when, and where its time went."""
    storage = connected(data)
    found = trace_from(job, JobLines(storage, job).require_some())
    if otlp:
        sent = send(found, otlp)
        terminal.print_line({"spans": sent}, f"{sent} spans sent", json)
        return
    known = Jobs(storage).find(job)
    spent = time_spent(found, known.items if known else 0)
    if json:
        terminal.print_json(Told(trace=found, summary=spent))
        return
    terminal.out.print(waterfall(found, every))
    for sentence in summary(spent):
        terminal.say(sentence, terminal.out)


def send(found: Trace, url: str) -> int:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import SpanExportResult

    from shared import logs
    from shared.errors import Unavailable
    from shared.telemetry.otlp import readable_span, resource_of

    exporter = OTLPSpanExporter(f"{url.rstrip('/')}/v1/traces")
    spans = [
        readable_span(
            span.as_sent(found.job),
            resource_of(span.service, logs.version(), span.writer.partition("-")[2]),
        )
        for span in found.spans
    ]
    if exporter.export(spans) is not SpanExportResult.SUCCESS:
        raise Unavailable(f"the collector at {url} didn't take the trace")
    return len(spans)


def logs(
    job: str,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the job's end.")] = False,
    json: Json = False,
    data: Data = HOME,
) -> None:
    """Show what all services logged about a job, in order."""
    lines = JobLines(connected(data), job)
    if follow:
        stop = Stop().on_signals()
        for line in lines.follow(stop):
            show(line, json)
        if stop.requested:
            raise StoppedByUser
        return
    for line in sorted(lines.require_some(), key=lambda line: str(line.get("timestamp", ""))):
        if "event" in line:
            show(line, json)


def audit(json: Json = False, data: Data = HOME) -> None:
    """List who cancelled, retried, requeued, purged, granted or scaled, the oldest first."""
    settings = known_settings(data)
    for deed in Audit(Storage(settings), settings).deeds():
        if json:
            terminal.print_json(deed)
            continue
        detail = " ".join(f"{name}={value}" for name, value in deed.detail.items())
        said = f"{deed.at:%Y-%m-%d %H:%M:%S} {deed.who} ({deed.where}): {deed.deed} {deed.subject}"
        terminal.say(f"{said} {detail}".rstrip(), terminal.out)


def show(line: Line, json: bool) -> None:
    if json:
        print(terminal.json_line(line), flush=True)
        return
    rest = " ".join(f"{n}={v}" for n, v in line.items() if n not in SHOWN and v is not None)
    who = f"{line['service']} ({line['stream']})" if line.get("stream") else line["service"]
    text = f"{line['timestamp'][11:23]} {who}: {line['event']}  {rest}".rstrip()
    terminal.out.print(
        terminal.plain(text, COLOURS.get(line["level"], "")), highlight=False, soft_wrap=True
    )
    if line.get("exception"):
        terminal.say(line["exception"], terminal.out)
