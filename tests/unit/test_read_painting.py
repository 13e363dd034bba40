"""Reading of uploaded paintings: every file is read, or refused with the reason."""

import io
import struct
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from shared.errors import Refused
from workloads.video.scoring.painting_reader import LARGEST_SIDE, PaintingReader
from workloads.video.settings import ScoringSettings
from workloads.video.training.pictures import as_tensor
from workloads.video.training.read_painting import LONGER, SHORTER, read_painting

pytestmark = pytest.mark.slow


def opened(data: bytes) -> Tensor:
    return as_tensor(read_painting(io.BytesIO(data)))


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
    """A file of a few kilobytes that decodes to 900 megapixels."""
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


def test_transparent_pixels_become_white() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (128, 128), (0, 0, 0, 0)).save(out, "PNG")
    assert float(opened(out.getvalue()).min()) == 1


def test_the_orientation_in_the_exif_data_is_applied() -> None:
    picture = Image.new("RGB", (200, 100), RED)
    exif = picture.getexif()
    exif[0x0112] = 6
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif)
    assert opened(out.getvalue()).shape == (1, 3, 200, 100)


@pytest.mark.parametrize("size", [(6000, 3000), (20_000, 128), (128, 20_000)])
def test_large_pictures_are_scaled_down_and_long_ones_cropped(size: tuple[int, int]) -> None:
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
        (lambda: written("TIFF", "F"), "pixel format, F, isn't supported"),
    ],
    ids=["empty", "text", "tiny", "thin", "half jpeg", "half png", "bomb", "animated", "floats"],
)
def test_unusable_pictures_are_refused(make: Callable[[], bytes], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        opened(make())


def test_a_damaged_file_is_read_or_refused() -> None:
    chance = np.random.default_rng(1)
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "BMP"):
        whole = bytearray(written(kind))
        for _ in range(60):
            damaged = bytearray(whole)
            for place in chance.integers(0, len(whole), 6):
                damaged[place] = chance.integers(0, 256)
            try:
                assert opened(bytes(damaged)).ndim == 4
            except Refused as refusal:
                assert str(refusal)


@pytest.fixture
def paintings() -> Iterator[PaintingReader]:
    paintings = PaintingReader(ScoringSettings())
    yield paintings
    paintings.close()


@pytest.fixture
def impatient() -> Iterator[PaintingReader]:
    paintings = PaintingReader(ScoringSettings(painting_seconds=3))
    yield paintings
    paintings.close()


def on() -> None:
    """Go on waiting."""


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
def test_the_sandbox_returns_the_same_picture(paintings: PaintingReader, kind: str) -> None:
    data = written(kind, size=(700, 500))
    assert torch.equal(paintings.read(data, on), opened(data))


def test_the_sandbox_reads_every_colour_space(paintings: PaintingReader) -> None:
    """Pillow imports some of its converters when they are first used."""
    for mode in ("LAB", "CMYK", "YCbCr"):
        out = io.BytesIO()
        Image.new(mode, (200, 150), (90, 40, 20, 0)[: 4 if mode == "CMYK" else 3]).save(out, "TIFF")
        assert torch.equal(paintings.read(out.getvalue(), on), opened(out.getvalue()))


def test_the_sandbox_refuses_for_the_same_reason(paintings: PaintingReader) -> None:
    with pytest.raises(Refused, match="isn't an image"):
        paintings.read(b"hello", on)
    assert LARGEST_SIDE == LONGER


def scans_repeated(times: int) -> bytes:
    """A small JPEG file of 16 megapixels, whose last scan is repeated many times."""
    out = io.BytesIO()
    Image.new("RGB", (4000, 4000), RED).save(out, "JPEG", progressive=True)
    data = out.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * times + data[-2:]


def directories_chained(many: int) -> bytes:
    """A TIFF of many directories, each of which is searched from the first one on."""
    out = io.BytesIO()
    Image.new("L", (128, 128)).save(out, "TIFF")
    data = bytearray(out.getvalue())
    [first] = struct.unpack_from("<I", data, 4)
    [entries] = struct.unpack_from("<H", data, first)
    directory = bytes(data[first : first + 2 + 12 * entries])
    at = first
    for _ in range(many):
        after = len(data) + len(data) % 2
        struct.pack_into("<I", data, at + len(directory), after)
        data += bytes(after - len(data)) + directory + bytes(4)
        at = after
    return bytes(data)


def test_a_picture_that_takes_too_long_is_refused(impatient: PaintingReader) -> None:
    with pytest.raises(Refused, match=r"can't be read: it (took|used|made no progress).* 3 s"):
        impatient.read(scans_repeated(100_000), on)


def test_a_long_chain_of_directories_is_refused_in_time(impatient: PaintingReader) -> None:
    with pytest.raises(Refused, match=r"animated|can't be read"):
        impatient.read(directories_chained(50_000), on)
