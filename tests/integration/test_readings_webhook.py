"""The summary of a round with anomalies is posted to whoever wants it."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from shared.errors import Misconfigured
from tests.support.rounds import WINDOW
from workloads.readings.round_detail import SplitDetail
from workloads.readings.scored import Notes
from workloads.readings.summary import Summary
from workloads.readings.webhook import Unanswered, post
from workloads.readings.windows import Task

SUMMARY = Summary.of(Task.of(WINDOW), Notes(devices=3, anomalies=2), SplitDetail(), ["x"])


class Receiver:
    """Answers posts with these statuses, in turn, and keeps what was taken."""

    def __init__(self, statuses: list[int]) -> None:
        taken: list[tuple[str | None, dict[str, object]]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                status = statuses.pop(0)
                if status == 200:
                    taken.append((self.headers["Idempotency-Key"], json.loads(data)))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.taken, self.statuses = taken, statuses
        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver([500, 503, 200, 200])
    yield found
    found.close()


def test_a_summary_is_posted_until_somebody_takes_it(receiver: Receiver) -> None:
    post(receiver.url, "readings-x", SUMMARY, 60)
    [(key, summary)] = receiver.taken
    assert key == "readings-x"
    assert (summary["anomalies"], summary["missing_devices"]) == (2, ["x"])
    assert receiver.statuses == [200]


def test_if_nobody_answers_the_round_fails_with_the_reason(receiver: Receiver) -> None:
    receiver.close()
    with pytest.raises(Unanswered, match="nobody took the summary of readings-x"):
        post(receiver.url, "readings-x", SUMMARY, 0)
    assert receiver.taken == []


def test_only_http_urls_are_posted_to() -> None:
    with pytest.raises(Misconfigured):
        post("file:///etc/passwd", "readings-x", SUMMARY, 0)
