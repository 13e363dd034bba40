"""The HTTP probes answer as the heartbeat file says."""

import os
import urllib.error
import urllib.request
from pathlib import Path

from shared.runtime.health import answer_http
from shared.runtime.heartbeat import OLDEST_SECONDS, beat, note_ready


def status(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_probes_tell_what_the_heartbeat_tells(tmp_path: Path) -> None:
    heartbeat = tmp_path / "heartbeat"
    server = answer_http("127.0.0.1", 0, heartbeat)
    assert server
    port = server.server_port
    try:
        assert status(port, "/livez") == (503, "its loop hasn't begun")
        beat(heartbeat)()
        assert status(port, "/livez") == (200, "ok")
        note_ready(heartbeat, ["not allowed to read from input"])
        assert status(port, "/readyz") == (503, "not ready: not allowed to read from input")
        note_ready(heartbeat, [])
        assert status(port, "/readyz") == (200, "ok")
        long_ago = heartbeat.stat().st_mtime - OLDEST_SECONDS - 60
        os.utime(heartbeat, (long_ago, long_ago))
        assert status(port, "/livez")[0] == 503
        assert status(port, "/readyz")[0] == 503
        assert status(port, "/")[0] == 404
    finally:
        server.shutdown()
        server.server_close()
