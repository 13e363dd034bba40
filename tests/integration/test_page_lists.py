"""What the page keeps and leaves out: previews in the list of jobs, plots after a restart."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from services.web.desk import Desk
from services.web.measures import KEEP_SECONDS, KEPT, Measures, Point
from services.web.settings import WebSettings
from shared import names
from shared.jobs import Jobs
from shared.prepare import prepare
from shared.storage import Storage
from shared.telemetry.storage_calls import requests_sent
from tests.support.azurite import Azurite
from tests.support.served_page import behind_azures_login, login, served
from tests.support.waiting import eventually


@pytest.fixture
def settings(azurite: Azurite) -> WebSettings:
    return behind_azures_login(azurite)


@pytest.fixture
def storage(settings: WebSettings) -> Storage:
    storage = Storage(settings)
    prepare(storage)
    return storage


def ended(storage: Storage, job: str, source: str) -> None:
    facts = {"container": "input", "blob": source}
    now = datetime.now(UTC)
    storage.container("jobs").write_once(names.newest_record(job, now), b"", facts)
    Jobs(storage).fail(job, source, "failed", "why")


def test_previews_are_in_a_list_of_their_own(storage: Storage, settings: WebSettings) -> None:
    ended(storage, "film-0123456789ab", "great-wave/previews.mp4")
    ended(storage, "frame-0123456789ab", "great-wave/previews/film.mp4")
    desk = Desk(storage, settings)
    with closing(desk.board), served(desk) as client:
        desk.board.start()
        eventually(lambda: len(desk.board.state.jobs) == 2, "the first look")
        viewer = login("viewer")
        jobs = client.get("/", headers=viewer).text
        assert "job-film-" in jobs
        assert "job-frame-" not in jobs
        assert "all <b>1</b>" in jobs
        assert "previews <b>1</b>" in jobs
        previews = client.get("/?previews=1", headers=viewer).text
        assert "job-frame-" in previews
        assert "job-film-" not in previews


def test_a_restart_keeps_the_last_hour(storage: Storage, settings: WebSettings) -> None:
    before = Measures(storage, settings)
    storage.queue("segments").send_text("one")
    taken = before.take()
    before.keep()
    after = Measures(storage, settings)
    again = after.take()
    assert [point.at for point in after.history] == [taken.at, again.at]
    assert after.history[0].queues == list(taken.queues)
    assert before.history[0] in after.history


def test_it_is_written_once_in_ten_minutes_and_what_is_older_goes(
    storage: Storage, settings: WebSettings
) -> None:
    logs, measures = storage.container("logs"), Measures(storage, settings)
    now = datetime.now(UTC)
    for minute in range(100):
        requests = sum(requests_sent.values())
        measures._add(Point(now + timedelta(minutes=minute), [], minute))
        if minute % 11 and minute:
            assert sum(requests_sent.values()) == requests
    assert logs.find(KEPT)
    assert KEEP_SECONDS == 600
    assert [point.nodes for point in measures.history] == list(range(39, 100))


def test_what_another_version_kept_is_left(storage: Storage, settings: WebSettings) -> None:
    for kept in (b"", b"{}", b'[{"at": 1}]', b"\xff"):
        storage.container("logs").write(KEPT, kept)
        measures = Measures(storage, settings)
        measures.take()
        assert len(measures.history) == 1
