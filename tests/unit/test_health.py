"""The HTTP probes answer as the heartbeat file says."""

import os
from pathlib import Path

from shared.runtime.health import answer_http
from shared.runtime.heartbeat import OLDEST_SECONDS, beat, note_ready
from tests.support.probing import asked


def test_probes_tell_what_the_heartbeat_tells(tmp_path: Path) -> None:
    heartbeat = tmp_path / "heartbeat"
    server = answer_http("127.0.0.1", 0, heartbeat)
    assert server
    port = server.server_port
    try:
        assert asked(port, "/livez") == (503, "its loop hasn't begun")
        beat(heartbeat)()
        assert asked(port, "/livez") == (200, "ok")
        note_ready(heartbeat, ["not allowed to read from input"])
        assert asked(port, "/readyz") == (503, "not ready: not allowed to read from input")
        note_ready(heartbeat, [])
        assert asked(port, "/readyz") == (200, "ok")
        long_ago = heartbeat.stat().st_mtime - OLDEST_SECONDS - 60
        os.utime(heartbeat, (long_ago, long_ago))
        assert asked(port, "/livez")[0] == 503
        assert asked(port, "/readyz")[0] == 503
        assert asked(port, "/")[0] == 404
    finally:
        server.shutdown()
        server.server_close()
