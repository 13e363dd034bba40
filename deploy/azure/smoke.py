"""The smoke tests: three seconds of video are painted, and the page lets nobody in unasked."""

import json
import tempfile
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path

from deploy.azure.az import ROOT, Failed, az
from shared import names

SAMPLE = ROOT / "deploy/sample/bigbuckbunny.mp4"
STYLE = "great-wave"
SECONDS = 3.0
#: Nodes take minutes to come where none is up.
PATIENCE_SECONDS = 30 * 60
POLL_SECONDS = 10.0
#: The page's replica has to start first.
PAGE_SECONDS = 120.0


def test(media: str, work: str) -> str:
    """The name of the painted blob; raise Failed if the video isn't painted."""
    blob = f"{STYLE}/smoke-{int(time.time())}.mp4"
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        cut(SAMPLE, clip)
        login = ("--auth-mode", "login")
        uploaded = az(
            *("storage", "blob", "upload", "--account-name", media, *login),
            *("--container-name", "input", "--name", blob, "--file", str(clip)),
        )
    record = names.outcome_record(names.job_id(blob, str(uploaded["etag"])))
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        found = az(
            *("storage", "blob", "exists", "--account-name", work, *login),
            *("--container-name", "jobs", "--name", record),
        )
        if found["exists"]:
            return _judge(media, work, record, blob)
        time.sleep(POLL_SECONDS)
    raise Failed(
        f"the smoke test's video, input/{blob}, has no outcome after {PATIENCE_SECONDS // 60} min; "
        "look at the apps' logs and the poison queues"
    )


def _judge(media: str, work: str, record: str, blob: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outcome.json"
        az(
            *("storage", "blob", "download", "--account-name", work, "--auth-mode", "login"),
            *("--container-name", "jobs", "--name", record, "--file", str(path)),
        )
        outcome = json.loads(path.read_text())
    if outcome["state"] != "finished":
        reason = outcome.get("reason")
        raise Failed(f"the smoke test's video, input/{blob}, is {outcome['state']}: {reason}")
    output = str(outcome["output"])
    az(
        *("storage", "blob", "show", "--account-name", media, "--auth-mode", "login"),
        *("--container-name", "output", "--name", output),
    )
    return f"output/{output}"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_given: object) -> None:
        """So that the answer itself is seen."""


def test_page(url: str) -> None:
    """Raise Failed unless the page sends a stranger to log in."""
    opener = urllib.request.build_opener(NoRedirect)
    try:
        with opener.open(url, timeout=PAGE_SECONDS) as answer:
            status, to = int(answer.status), ""
    except urllib.error.HTTPError as error:
        with error:
            status, to = error.code, str(error.headers.get("Location", ""))
    except OSError as error:
        raise Failed(f"the page at {url} doesn't answer this machine: {error}") from None
    asks = status == HTTPStatus.UNAUTHORIZED or "/.auth/login/" in to or "/oauth2/" in to
    if not asks:
        raise Failed(f"the page at {url} answered a stranger with {status}; nobody may use it yet")


def cut(source: Path, target: Path) -> None:
    """The first seconds of its picture, copied without encoding."""
    import av

    with av.open(str(source)) as film, av.open(str(target), "w") as out:
        [picture] = film.streams.video[:1]
        copy = out.add_stream_from_template(picture)
        for packet in film.demux(picture):
            if packet.pts is not None and packet.pts * packet.time_base < SECONDS:
                packet.stream = copy
                out.mux(packet)
