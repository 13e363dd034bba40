"""`impasto run` paints files and leaves nothing running and nothing in storage."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np

from services.console import accounts, azurite
from services.console.child_processes import Lifeline
from shared.storage import Storage
from tests.support.leftovers import leftovers
from tests.support.media import assert_same_but_for_the_picture, make_clip
from tests.support.processes import processes_of
from tests.support.stacks import impasto, lines


def run(folder: Path, *videos: Path, style: str) -> "subprocess.CompletedProcess[str]":
    return impasto(
        "run", *videos, "--style", style, "--output", folder / "out", "--data", folder / "data",
        "--json",
    )  # fmt: skip


@contextmanager
def storage_of(data: Path) -> Iterator[Storage]:
    """The storage of a run that has ended."""
    known = accounts.read(data)
    assert known
    lifeline = Lifeline()
    process = azurite.start(known, data / "azurite", data / "azurite.log", lifeline.end)
    try:
        yield Storage(known.settings())
    finally:
        lifeline.cut()
        process.wait(30)


def first_frame(path: Path) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="rgb24")
        return frame.astype(np.uint8)


def test_the_original_style_returns_the_same_video(tmp_path: Path, clip: Path) -> None:
    result = run(tmp_path, clip, style="original")
    assert result.returncode == 0, result.stderr
    [line] = lines(result)
    assert line["state"] == "finished"
    assert line["items"] == 100
    assert_same_but_for_the_picture(Path(line["output"]), clip)
    error = first_frame(Path(line["output"])).astype(int) - first_frame(clip)
    assert np.abs(error).mean() < 8
    assert processes_of(tmp_path) == []
    with storage_of(tmp_path / "data") as storage:
        assert leftovers(storage) == []


def test_a_style_changes_the_picture(tmp_path: Path) -> None:
    short = make_clip(tmp_path / "short.mp4", seconds=0.4, size="160x90")
    result = run(tmp_path, short, style="great-wave")
    assert result.returncode == 0, result.stderr
    [line] = lines(result)
    assert_same_but_for_the_picture(Path(line["output"]), short)
    painted, source = first_frame(Path(line["output"])), first_frame(short)
    assert np.abs(painted.astype(int) - source).mean() > 20
    assert painted.std() > 10


def test_a_refused_video_doesnt_affect_the_others(tmp_path: Path, clip: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("not a video")
    twin = tmp_path / "elsewhere" / "clip.mp4"
    twin.parent.mkdir()
    twin.write_bytes(clip.read_bytes())
    result = run(tmp_path, text, clip, twin, style="original")
    assert result.returncode == 1
    by_input = {line["input"]: line for line in lines(result)}
    refused = by_input[str(text)]
    assert (refused["state"], refused["output"]) == ("refused", None)
    assert refused["reason"].startswith("the file isn't a video that can be read")
    outputs = {by_input[str(path)]["output"] for path in (clip, twin)}
    assert len(outputs) == 2
    assert all(Path(output).exists() for output in outputs)
    with storage_of(tmp_path / "data") as storage:
        assert leftovers(storage) == []


def test_an_unknown_style_is_an_error_that_lists_the_styles(tmp_path: Path, clip: Path) -> None:
    result = run(tmp_path, clip, style="monet")
    assert result.returncode == 2
    assert "'monet'" in result.stderr
    assert "great-wave" in result.stderr
    assert processes_of(tmp_path) == []


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    result = run(tmp_path, tmp_path / "nothing.mp4", style="original")
    assert result.returncode == 2
    assert "nothing.mp4" in result.stderr


def test_two_runs_at_the_same_time_are_independent(tmp_path: Path, clip: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda folder: run(folder, clip, style="original"), folders))
    for result in results:
        assert result.returncode == 0, result.stderr
        assert_same_but_for_the_picture(Path(lines(result)[0]["output"]), clip)


def test_styles_are_listed_without_a_stack(tmp_path: Path) -> None:
    result = impasto("models", "list", "--json", "--data", tmp_path / "none")
    assert {line["name"] for line in lines(result)} >= {"original", "great-wave"}
