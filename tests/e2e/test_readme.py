"""A stranger's path through the README: its commands, typed as they stand there."""

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
from services.console.poison import PoisonQueues
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
#: In this order; JOB is the first one's, which `impasto submit` prints.
WITH_A_STACK = [
    "impasto submit my.mp4 --style great-wave",
    "impasto jobs",
    "impasto watch JOB",
    "impasto download JOB --output DIR",
    "impasto retry JOB",
    "impasto replay",
    "impasto prepare",
    "impasto submit VIDEO --style S",
    "impasto cancel JOB",
    "impasto styles",
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
KEEPING_UP = ["impasto up", "impasto up --nodes 4"]
#: tests/containers types these.
IN_CONTAINERS = {line for line in readme.commands() if "docker" in line} | {
    'eval "$(make connections)"',
    "job=$(impasto submit my.mp4 --style great-wave)",
    'impasto watch "$job"',
    'impasto download "$job" --output painted',
    "echo SPLITTER_TAG=v2 >> .env",
    "make up",
    "make down",
    "make images",
    "make image SERVICE=splitter",
}
#: Minutes to hours, or a network: of these it is only seen that make knows them.
LONG = [
    "make bench",
    "make scale",
    "make kills",
    "make soak",
    "make soak",
    "make sheet",
    "make locks",
    "make settings",
    "make train PHOTOS=folder",
]


def test_no_command_is_left_out() -> None:
    typed = {*ALONE, *WITH_A_STACK, *LEARNING, *KEEPING_UP, *IN_CONTAINERS, *LONG}
    named = {
        command
        for command in readme.commands() - typed
        if not any(other.startswith(f"{command} ") for other in typed)  # spoken of, not typed
    }
    assert not named, "the README has commands that no test types"


class Reader:
    """At a terminal in a folder that looks like the project's, with a video of their own."""

    def __init__(self, folder: Path) -> None:
        for path in readme.ROOT.iterdir():
            if path.name not in (".git", ".impasto", ".env", "out"):
                (folder / path.name).symlink_to(path)
        make_clip(folder / "my.mp4", seconds=2, size="160x90")
        self.folder = folder
        self._environment = os.environ | QUICK
        self._environment |= {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "IMPASTO_VGG_WEIGHTS": str(VGG),
            "IMPASTO_LEARNING_STEPS": "1",
            # `make test` within a test: one file will do.
            "PYTEST_ADDOPTS": "tests/unit/test_shards.py",
        }

    def types(self, command: str, **meant: str) -> str:
        done = subprocess.run(
            ["bash", "-c", filled(command, meant)],
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
    def keeps_up(self, command: str) -> Iterator[None]:
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


def filled(command: str, meant: dict[str, str]) -> str:
    """The words in capitals, as this reader means them."""
    words = {"VIDEO…": "my.mp4", "VIDEO": "my.mp4", "S": "pencil", "DIR": "painted", "N": "3"}
    words |= {"FOLDER": ".impasto", "PAINTING": "deploy/sample/ejiri.jpg"} | meant
    return " ".join(words.get(word, word) for word in command.split(" "))


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(tmp_path_factory.mktemp("reader"))


@pytest.fixture
def stack(reader: Reader) -> Iterator[Storage]:
    with reader.keeps_up("impasto up"):
        known = read(reader.folder / ".impasto")
        assert known
        storage = Storage(known.settings())
        yield storage
        assert_nothing_is_left(storage)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("command", ALONE)
def test_alone(reader: Reader, command: str) -> None:
    said = reader.types(command)
    if command.startswith("make run") or command.startswith("impasto run"):
        assert "my.mp4" in said or "bigbuckbunny" in said
        assert list(reader.folder.glob("out/*.mp4")) or list(reader.folder.glob("painted/*.mp4"))


def test_with_a_stack(reader: Reader, stack: Storage) -> None:
    meant: dict[str, str] = {}
    for command in WITH_A_STACK:
        if command == "impasto poison show ID":
            meant |= dict.fromkeys(("ID", "ID…"), poisoned(stack))
        if command == "impasto poison purge --all":
            eventually(PoisonQueues(stack).entries, "what was put back to be in poison again")
        said = reader.types(command, **meant)
        if command.startswith("impasto submit"):
            meant["JOB"] = said.split()[-1]


def poisoned(storage: Storage) -> str:
    """A message that nobody can handle: what becomes of it is shown by `impasto poison`."""
    storage.queue("segments").send_text("nonsense")
    control = PoisonQueues(storage)
    [entry] = eventually(control.entries, "the message in poison")
    return entry.id


def test_a_video_dropped_with_the_sdk(
    reader: Reader, stack: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    [program] = readme.blocks("python")
    known = read(reader.folder / ".impasto")
    assert known
    monkeypatch.chdir(reader.folder)
    (reader.folder / "holiday.mp4").write_bytes((reader.folder / "my.mp4").read_bytes())
    exec(program.replace("…", known.media_connection), {})
    output = stack.container("output")
    eventually(lambda: output.find("great-wave/holiday.mp4"), "the painted video", 120)


@needs_vgg
def test_learning(reader: Reader, stack: Storage) -> None:
    for command in LEARNING:
        reader.types(command, S="ejiri-again")
    output = stack.container("output")
    eventually(lambda: output.find("ejiri/my.mp4"), "the painted video", 120)


def test_more_nodes(reader: Reader) -> None:
    with reader.keeps_up("impasto up --nodes 4"):
        shown = partial(reader.types, "impasto cluster show")
        eventually(lambda: "of 0 to 4 nodes" in shown(), "the cluster to have room for four")


@pytest.mark.parametrize("command", LONG)
def test_what_takes_long(reader: Reader, command: str) -> None:
    assert "benchmarks" in (said := reader.types(f"{command} --dry-run")) or ".venv/bin" in said
