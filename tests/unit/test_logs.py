"""Log lines hold no secrets."""

import io
import sys
from collections.abc import Iterator

import pytest
import structlog

from shared import logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def unconfigured() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_a_traceback_has_no_values_of_variables(
    stream: type[io.StringIO], monkeypatch: pytest.MonkeyPatch, unconfigured: None
) -> None:
    err = stream()
    monkeypatch.setattr(sys, "stderr", err)
    logs.configure("test")
    account_key = "kept-" + "secret"
    try:
        len(account_key, 1)  # type: ignore[call-arg]
    except TypeError:
        logs.logger().exception("it failed")
    said = err.getvalue()
    assert "takes exactly one argument" in said
    assert "test_a_traceback_has_no_values_of_variables" in said
    assert "kept-secret" not in said
