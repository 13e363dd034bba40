"""The catalog: shipped models, scorers of other packages, and models that don't exist."""

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
import simplejpeg

from shared.errors import Misconfigured, Reject
from shared.models import Model, Models
from shared.settings import Settings
from shared.storage import Storage
from tests.support.assets import VGG, needs_vgg
from workloads.video.scoring.catalog import CACHE_SIZE, Catalog, installed_scorers, shipped_models
from workloads.video.scoring.fine_painter import FinePainter
from workloads.video.scoring.pencil import Pencil
from workloads.video.scoring.picture_scorer import Original, PictureScorer
from workloads.video.settings import ScoringSettings

PACKAGE = """
from workloads.video.scoring.picture_scorer import PictureScorer

class Negative(PictureScorer):
    def score(self, values):
        return [255 - value for value in values]
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Another package with scorers, as pip would install it."""
    name = "negative"
    (tmp_path / "negatives.py").write_text(PACKAGE)
    about = tmp_path / "negatives-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: negatives\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        f"[impasto.scorers]\n{name} = negatives:Negative\nauvers-again = negatives:Negative\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


@pytest.fixture
def catalog(storage: Storage, settings: Settings) -> Catalog:
    for model in shipped_models():
        Models(storage).publish(model)
    return Catalog(storage, ScoringSettings.model_validate(settings.model_dump()))


def test_a_scorer_of_another_package_is_used(package: str, catalog: Catalog) -> None:
    assert package in installed_scorers()
    scorer = catalog.scorer(package)
    white = np.full((32, 48, 3), 250, np.uint8)
    [made] = scorer.score([scorer.decode(simplejpeg.encode_jpeg(white, 95))])
    assert np.abs(made.astype(int) - 5).max() <= 2
    assert simplejpeg.is_jpeg(scorer.encode(made))


def test_a_scorer_may_not_take_a_styles_name(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = tmp_path / "negatives-1.0.dist-info" / "entry_points.txt"
    points.write_text(points.read_text().replace("auvers-again", "auvers"))
    with pytest.raises(Misconfigured, match="auvers, and that name is taken"):
        shipped_models()


def test_shipped_models_have_scorers(catalog: Catalog) -> None:
    assert isinstance(catalog.scorer("original"), Original)
    assert isinstance(catalog.scorer("pencil"), Pencil)
    assert isinstance(catalog.scorer("great-wave:2+auvers@0.3"), PictureScorer)
    assert catalog.scorer("pencil") is catalog.scorer("pencil")


def test_a_strength_is_between_the_source_and_the_result(catalog: Catalog) -> None:
    source = np.full((64, 64, 3), 40, np.uint8)
    [whole] = catalog.scorer("pencil").score([source.copy()])
    [half] = catalog.scorer("pencil@0.5").score([source.copy()])
    assert np.abs((source.astype(float) + whole) / 2 - half).max() <= 1


@needs_vgg
def test_the_finer_way_has_a_scorer_of_its_own(
    storage: Storage, catalog: Catalog, settings: Settings
) -> None:
    facts = settings.model_dump() | {"vgg_weights": VGG}
    equipped = Catalog(storage, ScoringSettings.model_validate(facts))
    fine = equipped.scorer("great-wave:2+auvers!fine")
    assert isinstance(fine, FinePainter)
    assert equipped.scorer("great-wave:2+auvers!fine") is fine
    assert not isinstance(equipped.scorer("great-wave:2+auvers"), FinePainter)


def test_the_finer_way_without_vgg16_names_the_setting(
    storage: Storage, catalog: Catalog, settings: Settings, tmp_path: Path
) -> None:
    facts = settings.model_dump() | {"vgg_weights": tmp_path / "none"}
    bare = Catalog(storage, ScoringSettings.model_validate(facts))
    with pytest.raises(Misconfigured, match="IMPASTO_VGG_WEIGHTS"):
        bare.scorer("great-wave!fine")
    assert isinstance(bare.scorer("great-wave"), PictureScorer)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("nobody", "no model is called 'nobody'"),
        ("original@0.5", "original can't have a strength"),
        ("original+pencil", "can't be mixed"),
        ("pencil!fine", "pencil has no finer way; leave out the !fine"),
        ("great-wave!fin", "'!fin' in 'great-wave!fin' isn't known"),
        ("elsewhere", "this worker has no scorer called 'elsewhere'"),
    ],
)
def test_a_model_that_does_not_exist_is_rejected(
    catalog: Catalog, storage: Storage, asked: str, reason: str
) -> None:
    Models(storage).publish(Model("elsewhere", "elsewhere"))
    with pytest.raises(Reject, match=reason):
        catalog.scorer(asked)


def test_a_style_that_was_learnt_again_is_loaded_again(catalog: Catalog, storage: Storage) -> None:
    models = Models(storage)
    style = models.load("auvers")._replace(name="mine", source="1")
    models.publish(style)
    first = catalog.scorer("mine")
    assert catalog.scorer("mine") is first
    models.publish(style._replace(source="2"))
    assert catalog.scorer("mine") is not first


def test_strengths_of_one_style_share_its_scorer(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Pencil] = []

    class Counted(Pencil):
        def __init__(self, model: Model) -> None:
            super().__init__(model)
            made.append(self)

    monkeypatch.setattr("workloads.video.scoring.pencil.Pencil", Counted)
    for hundredths in range(10, 100):
        assert isinstance(catalog.scorer(f"pencil@0.{hundredths}"), PictureScorer)
    assert catalog.scorer("pencil") is made[0]
    assert len(made) == 1


def test_the_least_recently_used_scorer_is_dropped(catalog: Catalog) -> None:
    scorers = [weakref.ref(catalog.scorer(f"great-wave:0.{n}+auvers")) for n in range(10, 40)]
    first = weakref.ref(catalog.scorer("pencil"))
    for n in range(40, 40 + CACHE_SIZE - 1):
        catalog.scorer(f"great-wave:0.{n}+auvers")
        assert catalog.scorer("pencil") is first()  # used recently, so it stays
    gc.collect()
    assert sum(scorer() is not None for scorer in scorers) == 0
