"""Output for the terminal: nothing is cut off, and no control character gets through."""

import io
import json
import unicodedata

import pytest
from rich.console import Console

from services.console import tables, terminal
from services.console.progress import Pace, progress, say_progress
from services.web.render import number
from shared.control.plain_text import UNSAFE
from shared.control.poison import Entry
from shared.control.status import Status
from tests.support.tables import only_rows


def test_tables_on_narrow_screens_cut_nothing_off() -> None:
    status = Status(
        job="a-rather-long-name-0123456789ab",
        state="finished",
        source="great-wave/a rather long name.mp4",
        model="great-wave",
        output="great-wave/a rather long name.mp4",
        items=1000,
        scored=1000,
    )
    screen = Console(width=80, file=io.StringIO())
    screen.print(tables.jobs_table([status]))
    assert isinstance(screen.file, io.StringIO)
    [shown] = only_rows(screen.file.getvalue())
    assert shown[0] == status.job
    assert [shown[1], shown[3], shown[4]] == ["finished", "great-wave", "1000frames"]
    assert "…" not in screen.file.getvalue()


def test_frames_that_take_minutes_have_a_rate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr("services.console.progress.time.monotonic", lambda: now)
    film = Status(job="f-0123456789ab", state="running", source="f.mp4", items=12, split=12)
    pace = Pace()
    for now, done in ((0.0, 0), (800.0, 4)):  # noqa: B007
        say_progress([film.model_copy(update={"scored": done})], pace)
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith("0.005 frames/s, 1600 s left")
    assert number(0.005) == "0.005"
    assert number(0.14) == "0.1"
    assert number(1234.5) == "1,234"


def test_a_lesson_has_steps_and_a_time_that_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 100.0
    monkeypatch.setattr("services.console.progress.time.monotonic", lambda: now)
    screen = Console(width=200, file=io.StringIO())
    lesson = Status(job="wave-0123456789ab", state="running", source="wave.jpg", steps=700)
    pace = Pace()
    for now, done in ((100.0, 20), (140.0, 100)):  # noqa: B007
        status = lesson.model_copy(update={"steps_done": done})
        say_progress([status], pace)
        screen.print(progress([status], pace))
    screen.print(tables.jobs_table([status]))
    assert isinstance(screen.file, io.StringIO)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "wave.jpg: learnt 20 of 700 steps",
        "wave.jpg: learnt 100 of 700 steps; 2.0 steps/s, 300 s left",
    ]
    shown = screen.file.getvalue()
    assert "100/700 2.0 steps/s" in shown
    assert "100/700 steps" in shown
    assert not any(word in shown for word in ("frames/s", "split", "waiting to be opened"))


#: Cursor control in both forms, text direction, and rich's markup.
HOSTILE = "a\x1b[2J\x9b31m\x00\u202egnp.\u2066[red]b[/nothing]\x85\u2028c"


def assert_safe(said: str) -> None:
    found = {char for char in said if unicodedata.category(char) in UNSAFE} - {"\n"}
    assert found == set()


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    file = io.StringIO()
    monkeypatch.setattr(terminal, "out", Console(width=400, file=file))
    return file


def test_tables_print_no_unsafe_character(screen: io.StringIO) -> None:
    status = Status(
        job=HOSTILE, state="refused", source=HOSTILE, model=HOSTILE, reason=HOSTILE, notes=[HOSTILE]
    )
    terminal.listing([status], tables.jobs_table, as_json=False)
    entry = Entry(id=HOSTILE, queue=HOSTILE, reason=HOSTILE, job=HOSTILE)
    terminal.listing([entry], tables.poison_table, as_json=False)
    terminal.say(HOSTILE, terminal.out)
    said = screen.getvalue()
    assert_safe(said)
    assert said.count("a\\x1b[2J\\x9b31m\\x00\\u202egnp.\\u2066[red]b[/nothing]") == 10


def test_a_messages_body_prints_no_unsafe_character_and_fakes_no_field(
    capsys: pytest.CaptureFixture[str],
) -> None:
    body = f"{HOSTILE}\nreason:   all is well"
    terminal.one(Entry(id="1", queue="segments", reason="bad", body=body), as_json=False)
    said = capsys.readouterr().out
    assert_safe(said)
    assert [line for line in said.splitlines() if line.startswith("reason:")] == ["reason:   bad"]


def test_json_escapes_unsafe_characters(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_json(Entry(id="1", queue="segments", reason=HOSTILE + "影 \U000e0001"))
    terminal.print_line({"job": HOSTILE}, HOSTILE, as_json=True)
    terminal.print_line({"job": HOSTILE}, HOSTILE, as_json=False)
    said = capsys.readouterr().out
    assert_safe(said)
    first, second, _ = said.splitlines()
    assert json.loads(first)["reason"] == HOSTILE + "影 \U000e0001"
    assert "影" in first
    assert json.loads(second) == {"job": HOSTILE}
