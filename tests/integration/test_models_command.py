"""`impasto models` adds, lists, shows and removes models, and returns to an earlier version."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from services.console.__main__ import app
from shared.errors import ImpastoError, Missing, Refused
from shared.models import Models
from shared.settings import Settings
from shared.storage import Storage
from workloads.readings.model_listing import ModelListing, blob_of


@pytest.fixture(autouse=True)
def connected(storage: Storage, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands reach the test's storage."""
    for name in ("media_connection", "work_connection"):
        monkeypatch.setenv(f"IMPASTO_{name.upper()}", getattr(settings, name).get_secret_value())


def models(*arguments: str | Path) -> list[dict[str, Any]]:
    done: Result = CliRunner().invoke(app, ["models", *map(str, arguments), "--json"])
    if isinstance(done.exception, ImpastoError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.output.splitlines()]


def test_versions_of_a_model_are_kept_until_it_is_removed(storage: Storage, tmp_path: Path) -> None:
    versions = []
    for data in (b"old", b"new"):
        (tmp_path / "data").write_bytes(data)
        [added] = models("add", "wave", "--scorer", "painter", "--file", tmp_path / "data")
        versions.append(added["version"])
    [listed] = models("list")
    assert (listed["name"], listed["version"], listed["size"]) == ("wave", versions[1], 3)
    assert {each["version"] for each in models("show", "wave")} == set(versions)
    models("use", "wave", versions[0])
    assert models("list")[0]["version"] == versions[0]
    with pytest.raises(Missing, match="wave has no version 'abc'"):
        models("use", "wave", "abc")
    models("remove", "wave")
    assert models("list") == []
    assert storage.container("models").under() == []
    with pytest.raises(Missing, match="no model is called 'wave'"):
        models("show", "wave")


def test_a_model_can_be_looked_at_until_it_is_removed(storage: Storage, tmp_path: Path) -> None:
    kept = Models(storage)
    kept.show("ejiri", {"1.jpg": b"at step 20"})
    kept.show("ejiri", {"1.jpg": b"at step 40", "2.jpg": b"another"})
    written = models("look", "ejiri", tmp_path / "out")
    paths = [tmp_path / "out" / f"ejiri-{n}.jpg" for n in (1, 2)]
    assert written == [{"model": "ejiri", "file": str(path)} for path in paths]
    assert [path.read_bytes() for path in paths] == [b"at step 40", b"another"]
    models("add", "ejiri", "--scorer", "painter")
    assert [each["name"] for each in models("list")] == ["ejiri"]
    models("remove", "ejiri")
    assert storage.container("models").under() == []
    for name in ("ejiri", "../ejiri"):
        with pytest.raises(Missing, match="there is nothing to see of a model called"):
            models("look", name, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_name_that_no_job_could_use_is_refused(storage: Storage) -> None:
    with pytest.raises(Refused, match="a model can't be called 'The Wave'"):
        models("add", "The Wave", "--scorer", "painter")
    assert storage.container("models").under() == []


def test_a_workloads_own_models_are_listed_shown_and_removed(storage: Storage) -> None:
    listing = ModelListing(storage)
    for device in ("plant-7/pump-1", "zone ü"):
        listing.publish(blob_of(device), "one-class-svm", "v-1", b"a model", "bundles/v-1/00000")
    assert models("list") == []
    first, second = models("list", "--folder", "devices")
    assert (first["name"], second["name"]) == ("devices/plant-7/pump-1", "devices/zone ü")
    assert (first["scorer"], first["version"], first["size"]) == ("one-class-svm", "v-1", 7)
    for each in (first, second):
        assert models("show", each["name"]) == [each]
    models("remove", "devices/plant-7/pump-1")
    assert models("list", "--folder", "devices") == [second]
    for name in ("devices/plant-7/pump-1", "_versions/x", "devices/", "../x"):
        with pytest.raises(Missing, match="no model is called"):
            models("show", name)
    assert models("list", "--folder", "_versions") == []
    assert models("list", "--folder", "groups") == []
