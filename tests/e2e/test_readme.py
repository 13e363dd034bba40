"""Every command in the README and in docs works as it is written there."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from services.console.accounts import read
from shared.control.poison import PoisonQueues
from shared.storage import Storage
from tests.support import readme
from tests.support.assets import VGG, needs_vgg
from tests.support.leftovers import assert_nothing_is_left
from tests.support.media import make_clip
from tests.support.stacks import QUICK
from tests.support.waiting import eventually

ALONE = [
    "make setup",
    "make run",
    "make run VIDEO=my.mp4 STYLE=starry-night OUTPUT=painted",
    "make test",
    "make lint",
    "impasto run VIDEO… --style S --output DIR",
]
#: In this order. JOB is what the last `impasto submit` printed.
WITH_A_STACK = [
    "impasto submit my.mp4 --style great-wave",
    "impasto jobs",
    "impasto watch JOB",
    "impasto download JOB --output DIR",
    "impasto trace JOB",
    "impasto logs JOB",
    "impasto audit",
    "impasto grant --upload --folder S --hours 24",
    "impasto grant --download JOB",
    "impasto retry JOB",
    "impasto replay",
    "impasto prepare",
    "impasto prepare --page http://HOST:PORT",
    "impasto submit VIDEO --style S",
    "impasto cancel JOB",
    "impasto delete JOB",
    "impasto models list",
    "impasto poison list",
    "impasto poison show ID",
    "impasto poison requeue ID…",
    "impasto poison purge --all",
    "impasto cluster show",
    "impasto cluster show --data FOLDER",
    "impasto cluster scale --nodes N",
    "impasto cluster scale --nodes 2",
    "impasto cluster delete",
    "impasto cluster create",
]
LEARNING = [
    "impasto learn deploy/sample/ejiri.jpg --name ejiri",
    "impasto submit my.mp4 --style ejiri",
    "impasto learn PAINTING --name S",
]
LEARNT = "impasto models look ejiri out"
READINGS = [
    "impasto readings simulate --devices 20 --hours 7 --last 2026-06-02T12",
    "impasto readings train --hours 6 --last 2026-06-02T11 --wait",
    "impasto readings score --window 2026-06-02T12 --wait",
    "impasto readings rounds",
    "impasto readings show --window 2026-06-02T12",
    "impasto models list --folder devices",
    "impasto models show devices/plant-1/pump-00001",
    "impasto readings plot plant-1/pump-00001 --window 2026-06-02T12",
]
KEEPING_UP = ["impasto up", "impasto up --open", "impasto up --nodes 4"]
#: tests/containers/test_readme.py runs these.
IN_CONTAINERS = {line for line in readme.commands() if "docker" in line} | {
    'eval "$(make connections)"',
    "job=$(impasto submit my.mp4 --style great-wave)",
    'impasto watch "$job"',
    'impasto download "$job" --output painted',
    "echo SPLITTER_TAG=v2 >> .env",
    "echo OTLP_ENDPOINT=http://collector:4318 >> .env",
    "make up",
    "make down",
    "make images",
    "make image SERVICE=splitter",
}
#: These take too long or need a network: only `--dry-run` is tested.
LONG = [
    "make run-readings",
    "make bench",
    "make scale",
    "make kills",
    "make soak",
    "make crowd",
    "make sheet",
    "make gallery",
    "make strengths",
    "make screens",
    "make locks",
    "make settings",
    "make watch",
    "make train PHOTOS=folder",
]


def test_every_command_is_tested() -> None:
    typed = {
        *ALONE,
        *WITH_A_STACK,
        *LEARNING,
        LEARNT,
        *READINGS,
        *KEEPING_UP,
        *IN_CONTAINERS,
        *LONG,
    }
    named = {
        command
        for command in readme.commands() - typed
        if not any(
            other.startswith(f"{command} ") for other in typed
        )  # mentioned without its arguments
    }
    assert not named, "commands that no test runs"


class Reader:
    """Runs commands in a folder that looks like the project's and has a video."""

    def __init__(self, folder: Path) -> None:
        for path in readme.ROOT.iterdir():
            if path.name not in (".git", ".impasto", ".env", "out"):
                (folder / path.name).symlink_to(path)
        make_clip(folder / "my.mp4", seconds=0.4, size="160x90")  # each frame is painted
        self.folder = folder
        self._environment = os.environ | QUICK
        self._environment |= {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "IMPASTO_VGG_WEIGHTS": str(VGG),
            "IMPASTO_LEARNING_STEPS": "1",
            "BROWSER": "echo",
            # `make test` runs one file only.
            "PYTEST_ADDOPTS": "tests/unit/test_shards.py",
            "WORKERS": "0",
        }

    def run(self, command: str, **values: str) -> str:
        done = subprocess.run(
            ["bash", "-c", filled(command, values)],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}"
        return done.stdout

    @contextmanager
    def running(self, command: str) -> Iterator[None]:
        """Until Ctrl-C."""
        with subprocess.Popen(
            shlex.split(command),
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            assert process.stdout
            said = ""
            while "QueueEndpoint" not in said:
                line = process.stdout.readline()
                assert line, f"{command} ended with {process.wait()}: {said}"
                said += line
            try:
                yield
            finally:
                process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0


def filled(command: str, values: dict[str, str]) -> str:
    """The command with values in place of words in capitals."""
    words = {"VIDEO…": "my.mp4", "VIDEO": "my.mp4", "S": "pencil", "DIR": "painted", "N": "3"}
    words |= {"FOLDER": ".impasto", "PAINTING": "deploy/sample/ejiri.jpg"} | values
    return " ".join(words.get(word, word) for word in command.split(" "))


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(tmp_path_factory.mktemp("reader"))


@pytest.fixture
def stack(reader: Reader) -> Iterator[Storage]:
    with reader.running("impasto up --open"):
        known = read(reader.folder / ".impasto")
        assert known
        storage = Storage(known.settings())
        yield storage
        assert_nothing_is_left(storage)


@pytest.mark.parametrize("command", ALONE)
def test_commands_without_a_stack(reader: Reader, command: str) -> None:
    said = reader.run(command)
    if command.startswith("make run") or command.startswith("impasto run"):
        assert "my.mp4" in said or "bigbuckbunny" in said
        assert list(reader.folder.glob("out/*.mp4")) or list(reader.folder.glob("painted/*.mp4"))


def test_commands_with_a_stack(reader: Reader, stack: Storage) -> None:
    values: dict[str, str] = {}
    for command in WITH_A_STACK:
        if command == "impasto poison show ID":
            values |= dict.fromkeys(("ID", "ID…"), poisoned(stack))
        if command == "impasto poison purge --all":
            eventually(PoisonQueues(stack).entries, "the requeued message in poison again")
        said = reader.run(command, **values)
        if command.startswith("impasto submit"):
            values["JOB"] = said.split()[-1]


def poisoned(storage: Storage) -> str:
    """The id of a message that ends in poison."""
    storage.queue("segments").send_text("nonsense")
    control = PoisonQueues(storage)
    [entry] = eventually(control.entries, "the message in poison")
    return entry.id


def test_the_python_example_drops_a_video(
    reader: Reader, stack: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    [program] = readme.blocks("python")
    known = read(reader.folder / ".impasto")
    assert known
    monkeypatch.chdir(reader.folder)
    (reader.folder / "holiday.mp4").write_bytes((reader.folder / "my.mp4").read_bytes())
    exec(program.replace("…", known.media_connection), {})
    output = stack.container("output")
    eventually(lambda: output.find("great-wave/holiday.mp4"), "the painted video")


@needs_vgg
def test_commands_that_learn_a_style(reader: Reader, stack: Storage) -> None:
    for command in LEARNING:
        reader.run(command, S="ejiri-again")
    output = stack.container("output")
    eventually(lambda: output.find("ejiri/my.mp4"), "the painted video")
    reader.run(LEARNT)
    assert (reader.folder / "out/ejiri-1.jpg").read_bytes().startswith(b"\xff\xd8")


@pytest.mark.usefixtures("stack")
def test_commands_of_readings(reader: Reader) -> None:
    for command in READINGS:
        said = reader.run(command)
    assert (reader.folder / said.strip()).read_bytes().startswith(b"\x89PNG")


def test_up_with_more_nodes(reader: Reader) -> None:
    with reader.running("impasto up --nodes 4"):
        shown = partial(reader.run, "impasto cluster show")
        eventually(lambda: "of 0 to 4 nodes" in shown(), "the cluster to have room for four")


@pytest.mark.parametrize("command", LONG)
def test_make_knows_the_long_commands(reader: Reader, command: str) -> None:
    assert "benchmarks" in (said := reader.run(f"{command} --dry-run")) or ".venv/bin" in said
