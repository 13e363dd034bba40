"""Pictures that people bring to be learnt from: opened, or refused with the reason."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from services.scorer.training.brought import LONGER, SHORTER, opened
from shared.errors import Refused

RED = (200, 30, 40)


def written(
    kind: str, mode: str = "RGB", size: tuple[int, int] = (160, 120), **how: object
) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, RED).convert(mode).save(out, kind, **how)
    return out.getvalue()


def animated() -> bytes:
    out = io.BytesIO()
    pictures = [Image.new("RGB", (160, 120), (n * 60, 0, 0)) for n in range(3)]
    pictures[0].save(out, "GIF", save_all=True, append_images=pictures[1:])
    return out.getvalue()


def bomb() -> bytes:
    """A few kilobytes that want to be 900 megapixels."""
    out = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        written("JPEG"),
        written("JPEG", "CMYK"),
        written("PNG"),
        written("PNG", "P"),
        written("WEBP", lossless=True),
        written("TIFF", "CMYK"),
        written("GIF", "P"),
        written("BMP"),
    ],
    ids=["jpeg", "cmyk", "png", "palette", "webp", "cmyk tiff", "gif", "bmp"],
)
def test_a_red_picture_is_red(data: bytes) -> None:
    picture = opened(data)
    assert picture.shape == (1, 3, 120, 160)
    assert np.allclose(picture.mean((0, 2, 3)) * 255, RED, atol=14)


def test_what_is_see_through_lies_on_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (128, 128), (0, 0, 0, 0)).save(out, "PNG")
    assert float(opened(out.getvalue()).min()) == 1


def test_it_stands_as_its_camera_meant_it() -> None:
    picture = Image.new("RGB", (200, 100), RED)
    exif = picture.getexif()
    exif[0x0112] = 6
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif)
    assert opened(out.getvalue()).shape == (1, 3, 200, 100)


@pytest.mark.parametrize("size", [(6000, 3000), (20_000, 128), (128, 20_000)])
def test_large_ones_are_made_smaller_and_long_ones_cut(size: tuple[int, int]) -> None:
    height, width = opened(written("JPEG", size=size)).shape[2:]
    assert min(height, width) <= SHORTER
    assert max(height, width) <= LONGER


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: b"", "isn't an image"),
        (lambda: b"hello, this is no image at all" * 9, "isn't an image"),
        (lambda: written("PNG", size=(1, 1)), "1×1"),
        (lambda: written("JPEG", size=(4000, 40)), "4000×40"),
        (lambda: written("JPEG")[:400], "can't be read|isn't an image"),
        (lambda: written("PNG", size=(400, 400))[:300], "can't be read"),
        (bomb, "million pixels"),
        (animated, "animated"),
        (lambda: written("TIFF", "F"), "of a kind"),
    ],
    ids=["empty", "text", "tiny", "thin", "half jpeg", "half png", "bomb", "animated", "floats"],
)
def test_others_are_refused(make: Callable[[], bytes], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        opened(make())


def test_whatever_is_spoiled_it_is_opened_or_refused() -> None:
    chance = np.random.default_rng(1)
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP"):
        whole = bytearray(written(kind))
        for _ in range(60):
            spoiled = bytearray(whole)
            for place in chance.integers(0, len(whole), 6):
                spoiled[place] = chance.integers(0, 256)
            try:
                assert opened(bytes(spoiled)).ndim == 4
            except Refused as refusal:
                assert str(refusal)
