"""The frames that a worker painted, summed up by video."""

from services.console.tables import frames_of
from shared.clusters.batchai.painted import PaintedShard, by_video


def line(job: str, first: int, last: int) -> PaintedShard:
    frames = last - first + 1
    return PaintedShard(
        video=f"{job}.mp4",
        job=job,
        segment=0,
        chunk=0,
        first_frame=first,
        last_frame=last,
        frames=frames,
        seconds=frames / 100,
    )


def test_frames_of_each_video_are_joined() -> None:
    lines = [line("a", 50, 74), line("b", 0, 24), line("a", 0, 24), line("a", 25, 49)]
    lines.append(line("a", 100, 109))
    first, second = by_video(lines)
    assert (first.video, first.frames, first.ranges) == ("a.mp4", 85, [(0, 74), (100, 109)])
    assert first.seconds == 0.85
    assert (second.video, second.ranges) == ("b.mp4", [(0, 24)])
    assert frames_of(first) == "a.mp4: 85 frames (0–74, 100–109)"
