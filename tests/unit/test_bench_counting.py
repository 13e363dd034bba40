"""What benchmarks count: storage requests, CPU time, frames of repeated clips, messages."""

import subprocess
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest

from benchmarks.queues.handler import Notes
from benchmarks.queues.trial import delivery_of
from benchmarks.sample_clip import CLIP, frames_in, looped
from benchmarks.service_usage import service_in, tree_cpu
from benchmarks.storage_requests import BLOBS, QUEUES, Kind, count_requests
from benchmarks.whole import Bare, ceiling
from tests.support.media import facts, make_clip
from tests.support.waiting import eventually

LOG = """
Azurite Blob service is successfully listening at http://127.0.0.1:54901
{} "PUT /impastowork/frames/clip-0/00000/0000.tar HTTP/1.1" 201 -
{} "GET /impastowork/frames/clip-0/00000/0000.tar HTTP/1.1" 206 -
{} "GET /impastowork/jobs/clip-0/outcome.json HTTP/1.1" 404 -
{} "HEAD /impastowork/segments/clip-0/00000 HTTP/1.1" 404 -
{} "PUT /impastowork/jobs/clip-0/job.json?comp=lease HTTP/1.1" 200 -
{} "PUT /impastowork/logs/clip-0/splitter-a-1.jsonl?comp=appendblock HTTP/1.1" 201 -
{} "DELETE /impastowork/frames/clip-0/00000/0000.tar HTTP/1.1" 202 -
{} "GET /impastowork/scored?restype=container&comp=list&prefix=clip-0%2F HTTP/1.1" 200 -
{} "GET /impastomedia/input?restype=container&comp=list&prefix= HTTP/1.1" 200 -
{} "POST /impastowork/scored/messages?visibilitytimeout=0&messagettl=-1 HTTP/1.1" 201 -
{} "GET /impastowork/scored/messages?numofmessages=1&visibilitytimeout=30 HTTP/1.1" 200 -
{} "GET /impastowork/scored/messages?numofmessages=1&visibilitytimeout=30 HTTP/1.1" 200 -
{} "GET /impastowork/scored/messages?numofmessages=1&visibilitytimeout=30 HTTP/1.1" 200 -
{} "GET /impastowork/scored/messages?numofmessages=1&peekonly=true HTTP/1.1" 200 -
{} "PUT /impastowork/scored/messages/1-2?popreceipt=3&visibilitytimeout=30 HTTP/1.1" 204 -
{} "DELETE /impastowork/scored/messages/1-2?popreceipt=4 HTTP/1.1" 204 -
{} "GET /impastowork/scored?comp=metadata HTTP/1.1" 200 -
""".replace("{}", "127.0.0.1 - - [20/Nov/2026:10:30:27 +0000]")


def test_requests_are_counted_by_kind() -> None:
    assert count_requests(LOG.splitlines()) == Counter(
        {
            Kind(BLOBS, "writes"): 1,
            Kind(BLOBS, "reads"): 2,
            Kind(BLOBS, "reads of properties"): 1,
            Kind(BLOBS, "leases"): 1,
            Kind(BLOBS, "appends to jobs' logs"): 1,
            Kind(BLOBS, "deletions"): 1,
            Kind(BLOBS, "listings of `scored`"): 1,
            Kind(BLOBS, "listings of `input`", timed=True): 1,
            Kind(QUEUES, "messages sent"): 1,
            Kind(QUEUES, "messages received"): 1,
            Kind(QUEUES, "messages deleted"): 1,
            Kind(QUEUES, "leases renewed"): 1,
            Kind(QUEUES, "receives without a message", timed=True): 2,
            Kind(QUEUES, "peeks", timed=True): 1,
            Kind(QUEUES, "reads of a queue's length", timed=True): 1,
        }
    )


def test_a_batch_of_deletions_is_one_request() -> None:
    line = LOG.splitlines()[-1].replace("GET", "POST").replace("comp=metadata", "comp=batch")
    assert count_requests([line])[Kind(BLOBS, "deletions")] == 1


@pytest.mark.parametrize(
    ("command", "service"),
    [
        (["python", "-m", "services.splitter"], "splitter"),
        (["python", "-m", "services.batchai.node_agent", "folder"], "batchai"),
        (["python", "-m", "services.console.azurite", "folder", "1", "2"], "azurite"),
        (["sh", "-c", "trap : TERM; python -m services.scorer"], None),
        (["node", "azurite.js"], None),
    ],
)
def test_the_service_of_a_process_is_found_in_its_command(
    command: list[str], service: str | None
) -> None:
    assert service_in(command) == service


def test_cpu_time_includes_running_and_ended_children() -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    outer = (
        "import subprocess, sys; "
        "subprocess.run([sys.executable, '-c', sys.argv[1]]); "
        "child = subprocess.Popen([sys.executable, '-c', sys.argv[1] + '\\ninput()'], stdin=-1); "
        "input()"
    )
    with subprocess.Popen([sys.executable, "-c", outer, burn], stdin=subprocess.PIPE) as process:
        eventually(lambda: tree_cpu(process.pid) >= 0.5, "the children's CPU time")
        process.communicate()


@pytest.mark.parametrize("rounds", [1, 3])
def test_a_looped_clip_repeats_frames_and_sound(rounds: int, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", seconds=2)
    film = looped(clip, 2.0 * rounds, tmp_path / "film.mp4")
    once, often = facts(clip), facts(film)
    assert frames_in(film) == len(often.times) == rounds * 50
    assert often.times[:50] == once.times
    gaps = {later - now for now, later in zip(often.times, often.times[1:], strict=False)}
    assert min(gaps) == Fraction(1, 25)
    assert max(gaps) < Fraction(1, 10)  # where the sound is a little longer than the picture
    assert len(often.sound[0]) == rounds * len(once.sound[0])


def test_the_sample_can_be_looped(tmp_path: Path) -> None:
    assert frames_in(looped(CLIP, 11, tmp_path / "film.mp4")) == 2 * frames_in(CLIP)


def test_deliveries_are_counted_from_the_notes(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("began 0\nended 0\nbegan 1\nbegan 2\nended 2\nbegan 2\nended 2\n")
    assert delivery_of(Notes.read(path), messages=4) == (2, 1, 3)


def test_the_ceiling_is_the_speed_of_the_model_and_the_codecs_alone() -> None:
    assert ceiling(Bare(0.12, 0.1, cpu=0.2), codecs_cpu=0.05, cores=2) == 8.0
    assert ceiling(Bare(0.12, 0.1, cpu=0.1), codecs_cpu=0.05, cores=2) == 10.0
