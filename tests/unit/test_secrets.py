"""No key, signature or token is in any log line, whatever path it takes there."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from shared import logs
from shared.telemetry import redaction
from shared.telemetry.spans import Span

ROOT = Path(__file__).parents[2]
KEY = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ" * 2 + "=="
SIGNATURE = "aB3%2FdE5%2BfG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5z%3D"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJzdG9yYWdlIn0.c2lnbmF0dXJlLW9mLXRva2Vu"
CONNECTION = f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={KEY};EndpointSuffix=x.net"
SAS = f"https://a.blob.x.net/input/v.mp4?sv=2025-11-05&se=2026&sp=r&sig={SIGNATURE}"
BEARER = f"{{'Authorization': 'Bearer {TOKEN}'}}"
SHARED = f"Authorization: SharedKey a:{KEY}"
INSIGHTS = f"InstrumentationKey={KEY};IngestionEndpoint=https://x"
PLANTED = [CONNECTION, SAS, BEARER, SHARED, INSIGHTS, f"token {TOKEN} expired"]
SECRETS = [KEY, SIGNATURE, TOKEN]


@pytest.fixture
def err(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    err = io.StringIO()
    monkeypatch.setattr(sys, "stderr", err)
    logs.configure("test")
    yield err
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def found_in(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("planted", PLANTED)
def test_no_form_of_a_secret_is_logged(planted: str, err: io.StringIO) -> None:
    log = logs.logger()
    log.info("settings", value=planted, nested={"deep": [planted]})
    log.warning(planted)
    try:
        try:
            raise ValueError(planted)
        except ValueError as cause:
            raise RuntimeError(f"while at {planted}") from cause
    except RuntimeError as error:
        log.error("failed", error=str(error), exc_info=error)
    said = err.getvalue()
    assert found_in(said) == []
    assert said.count(redaction.REPLACED) >= 3
    assert all(json.loads(line)["service"] == "test" for line in said.splitlines())


@pytest.mark.parametrize("planted", PLANTED)
def test_no_span_holds_one(planted: str) -> None:
    span = Span("x", "1" * 32, "job")
    span.add_event("retried", why=planted)
    span.fail(ValueError(planted))
    assert found_in(f"{span.error} {span.events}") == []


def test_values_of_settings_are_found_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", set())
    monkeypatch.setattr(redaction, "_known_pattern", [])
    redaction.remember([CONNECTION, "batch+ai/secret"])
    for text in (f"the key {KEY} was refused", "x=batch%2Bai%2Fsecret", "batch+ai/secret"):
        assert redaction.REPLACED in redaction.redacted(text)
        assert found_in(redaction.redacted(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "not allowed to read from frames in account impastowork: AuthorizationFailure (403)",
        "great-wave/signature.mp4 has a design=flat name",
        "chunk 3 of bbb-3fa3abade9af was scored",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert redaction.redacted(text) == text


PROGRAM = """
import logging, sys, threading, warnings
from shared import logs
logs.configure("test")
logs.catch_libraries_and_errors()
planted = sys.argv[1]
logging.getLogger("azure.core").warning("the request failed: %s", planted)
warnings.warn(planted)
def fail():
    raise ValueError(planted)
thread = threading.Thread(target=fail)
thread.start()
thread.join()
fail()
"""


@pytest.mark.parametrize("planted", PLANTED)
def test_libraries_warnings_and_uncaught_errors_are_json_without_secrets(planted: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, planted],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 1
    assert found_in(done.stderr) == []
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["level"] for line in lines] == ["warning", "warning", "critical", "critical"]
    assert lines[0]["logger"] == "azure.core"
    assert [line["event"] for line in lines[2:]] == ["uncaught", "uncaught"]
    assert all("in fail" in line["exception"] for line in lines[2:])
    for line in lines:
        assert list(line)[: len(logs.GRAMMAR)] == list(logs.GRAMMAR)


def test_every_line_has_the_whole_grammar(err: io.StringIO) -> None:
    logs.logger().info("hello")
    [line] = err.getvalue().splitlines()
    said = json.loads(line)
    assert list(said) == list(logs.GRAMMAR)
    assert said["service"] == "test"
    assert said["job"] is said["trace_id"] is None
    assert said["replica"] == logs.replica()
