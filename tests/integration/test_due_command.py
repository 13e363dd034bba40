"""`impasto due` announces each round that is due once, as the trigger's clock does."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from services.console.__main__ import app
from shared.settings import Settings
from shared.storage import LANES, Storage


def announced() -> int:
    done = CliRunner().invoke(app, ["due", "--json"])
    assert done.exit_code == 0, done.output
    return int(json.loads(done.stdout.splitlines()[-1])["announced"])


def test_a_due_round_is_announced_once(
    storage: Storage, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("media_connection", "work_connection"):
        monkeypatch.setenv(f"IMPASTO_{name.upper()}", getattr(settings, name).get_secret_value())
    arrived = datetime.now(UTC) - timedelta(hours=5)
    storage.container("readings").write(f"ns/hub/0/{arrived:%Y/%m/%d/%H}/05/00.avro", b"x")
    first = announced()
    assert first >= 1  # the hour after it is due as well: its devices may be silent
    assert announced() == 0
    assert sum(storage.queue(lane).count() for lane in LANES) == first
    assert all(storage.poison(lane).count() == 0 for lane in LANES)
