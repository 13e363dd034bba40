"""VGG16's published weights are a pickle, from which only tensors may be loaded."""

import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.errors import Misconfigured
from workloads.video.training import vgg
from workloads.video.training.vgg import load_vgg

SPRUNG = "IMPASTO_TEST_TRAP"


class Trap:
    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return spring, ("1",)


def spring(value: str) -> None:
    os.environ[SPRUNG] = value


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hostile pickle in torchvision's cache, in place of the weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv(SPRUNG, raising=False)
    path = tmp_path / "hub" / "checkpoints" / Path(vgg.PUBLISHED).name
    path.parent.mkdir(parents=True)
    path.write_bytes(pickle.dumps(Trap(), 2))
    return path


def test_a_file_with_another_hash_is_refused(trap: Path) -> None:
    with pytest.raises(Misconfigured, match="its SHA-256 differs"):
        load_vgg(None)
    assert SPRUNG not in os.environ


def test_a_file_with_the_right_hash_runs_no_code(
    trap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vgg, "SHA256", hashlib.sha256(trap.read_bytes()).hexdigest())
    with pytest.raises(pickle.UnpicklingError, match=r"(?i)weights.only"):
        vgg.published_weights()
    assert SPRUNG not in os.environ


def test_the_hash_begins_with_the_one_in_the_files_name() -> None:
    assert vgg.SHA256.startswith(Path(vgg.PUBLISHED).stem.rpartition("-")[2])
    assert len(vgg.SHA256) == 64
