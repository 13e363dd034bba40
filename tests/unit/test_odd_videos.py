"""A collection of odd files is painted or refused as its table says."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
import simplejpeg

from shared.errors import Refused
from shared.sandbox import Limits, Sandbox
from shared.shards import unpack
from tests.support.assets import BESIDE
from tests.support.media import assert_same_sound, facts
from tests.unit.test_video import refusal, split, stitch
from workloads.video.settings import SplittingSettings
from workloads.video.splitting.decoder import SHARD_FRAMES, Shard, VideoPlan

pytestmark = pytest.mark.slow


class Gives(NamedTuple):
    """A painted video, with its number of frames and its notes."""

    frames: int
    notes: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    damaged: bool = False


NOT_VIDEO = "the file isn't a video that can be read"
ODD: dict[str, Gives | str] = {
    "alpha.webm": Gives(90, ("transparency left out",)),
    "audiolate.mp4": Gives(90),
    "concat.mp4": NOT_VIDEO,
    "corrupt_mdat.mp4": Gives(88, ("2 of 90 frames could not be decoded", "15 of 90"), None, True),
    "cover.mp3": "there is no video in the file, only cover art and sound",
    "editlist.mp4": Gives(69),
    "empty.mp4": NOT_VIDEO,
    "frag.mp4": Gives(90),
    "fullrange.mp4": Gives(90),
    "hdr10.mp4": Gives(90, ("HDR (PQ) brought to standard range",)),
    "image.png": NOT_VIDEO,
    "interlaced.mp4": Gives(45, ("deinterlaced",)),
    "multiaudio.mkv": Gives(90),
    "noaudio.mp4": Gives(90),
    "normal.mp4": Gives(90),
    "odd444.mp4": Gives(60, ("853×479 made even",), (854, 480)),
    "oneframe.mp4": Gives(1),
    "opus.mkv": Gives(90),
    "pcm.mov": Gives(90),
    "random.mp4": NOT_VIDEO,
    "reschange.ts": Gives(
        60, ("1 of 60 packets", "times don't run on", "30 of 60 frames were of another size")
    ),
    "rot90.mp4": Gives(90, ("turned by 90°",), (240, 320)),
    "sar.mp4": Gives(50),
    "subs.mp4": Gives(90),
    "text.txt": NOT_VIDEO,
    "trunc_faststart.mp4": Gives(
        54,
        ("35 of 90 frames, from 1.8 s to 3.0 s, are missing", "1 of 55 packets", "1 of 55 frames"),
        None,
        True,
    ),
    "ts.ts": Gives(90),
    "vfr.mp4": Gives(60),
    "vfr_gap.mkv": Gives(29),
}


def odd(name: str) -> Path:
    path = BESIDE / "media" / "odd" / name
    if not path.exists():
        pytest.skip("the collection of odd files isn't beside the project")
    return path


def test_the_table_lists_every_file() -> None:
    assert {path.name for path in odd("normal.mp4").parent.iterdir()} == ODD.keys()


@pytest.mark.parametrize("name", [name for name, gives in ODD.items() if isinstance(gives, str)])
def test_refused_in_a_sentence(name: str) -> None:
    sentence = refusal(odd(name))
    assert sentence.startswith(str(ODD[name]))
    assert "\n" not in sentence


@pytest.mark.parametrize("name", [name for name, gives in ODD.items() if isinstance(gives, Gives)])
def test_painted_as_it_is(name: str, tmp_path: Path) -> None:
    gives = ODD[name]
    assert isinstance(gives, Gives)
    source = odd(name)
    output = stitch(split(source), source, tmp_path)
    after = facts(output.path)
    assert len(after.times) == gives.frames
    assert len(output.notes) == len(gives.notes)
    assert all(any(part in note for note in output.notes) for part in gives.notes)
    if gives.size:
        assert after.size == gives.size
    if gives.damaged:
        return  # the source can't be decoded in one pass, for comparison
    before = facts(source)
    assert_same_sound(before, after)
    if name != "reschange.ts":  # whose clock starts over
        for was, now in zip(before.times, after.times, strict=True):
            assert abs(now - was) <= after.tick


def test_damaged_videos_are_refused_by_setting() -> None:
    sentence = refusal(odd("trunc_faststart.mp4"), refuse_damaged=True)
    assert sentence.startswith("the video is damaged: 35 of 90 frames, from 1.8 s")


def test_a_rotation_tag_rotates_the_picture(tmp_path: Path) -> None:
    """The first frame is the unrotated file's, rotated by the tag."""
    turned, plain = (split(odd(name)).segments[0][0] for name in ("rot90.mp4", "normal.mp4"))
    by_hand = np.rot90(simplejpeg.decode_jpeg(plain.item.data, "RGB"))
    tagged = simplejpeg.decode_jpeg(turned.item.data, "RGB")
    assert np.abs(by_hand.astype(int) - tagged).mean() < 4


def test_subtitles_are_copied(tmp_path: Path) -> None:
    source = odd("subs.mp4")
    found = split(source)
    for wanted, codec, told in (("auto", "mov_text", 0), ("mkv", "srt", 1)):
        folder = tmp_path / wanted
        folder.mkdir()
        output = stitch(found, source, folder, output_format=wanted)
        assert len(output.notes) == told
        with av.open(str(output.path)) as container:
            [stream] = container.streams.subtitles
            assert stream.codec_context.name == codec
            assert stream.metadata["language"] == "eng"
            packets = [bytes(p) for p in container.demux(stream) if p.size]
        assert any(b"Hello" in packet for packet in packets)
        assert any(b"World" in packet for packet in packets)


def test_tracks_keep_language_and_disposition(tmp_path: Path) -> None:
    source = odd("multiaudio.mkv")
    output = stitch(split(source), source, tmp_path)
    with av.open(str(output.path)) as container:
        english, german = container.streams.audio
        assert (english.metadata["language"], german.metadata["language"]) == ("eng", "deu")
        assert german.disposition & german.disposition.default
        assert german.codec_context.name == "ac3"


@pytest.mark.parametrize(
    "name", [n for n, gives in ODD.items() if isinstance(gives, Gives) and not gives.damaged]
)
def test_segments_hold_all_frames(name: str) -> None:
    pieces = [f.item.data for frames in split(odd(name), 0.4).segments for f in frames]
    whole = [f.item.data for frames in split(odd(name), 1000).segments for f in frames]
    assert pieces == whole


@pytest.fixture(scope="module")
def decoder() -> Iterator[Sandbox]:
    limits = Limits(memory_mib=4096, stall_seconds=60, total_seconds=600)
    decoder = Sandbox("workloads.video.splitting.tasks", limits, required=False)
    yield decoder
    decoder.close()


@pytest.mark.parametrize("name", ODD)
def test_the_sandbox_decodes_the_same_frames(decoder: Sandbox, name: str) -> None:
    """A decoder can't open files or load modules there."""
    path = odd(name)
    settings = SplittingSettings.model_validate({"segment_seconds": 1}).own()
    files = {"source": lambda: path.open("rb")}

    def sandboxed() -> list[bytes]:
        with decoder.run(lambda: None, "plan", VideoPlan, {"settings": settings}, files) as plans:
            [(plan, _)] = plans
        frames = []
        for number, span in enumerate(plan.segments):
            args = {
                "settings": settings,
                "detail": plan.detail.model_dump(),
                "span": span.model_dump(),
                "segment": number,
                "shard_frames": SHARD_FRAMES,
            }
            with decoder.run(lambda: None, "shards", Shard, args, files) as shards:
                frames += [item.data for shard in shards for item in unpack(shard.data)]
        return frames

    if isinstance(ODD[name], str):
        with pytest.raises(Refused, match=re.escape(str(ODD[name]))):
            sandboxed()
    else:
        direct = [frame.item.data for frames in split(path).segments for frame in frames]
        assert sandboxed() == direct
