"""The page's roles in deploy/azure are enough for all that people do with it; it uses all of them.

The service runs behind a proxy that allows what its roles allow; browsers' uploads and downloads
pass it as well, as a link allows no more than the login that signed it.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import httpx
import pytest

from services.console.accounts import Accounts
from services.web.desk import Desk
from services.web.settings import WebSettings
from shared.arrivals import Arrivals, event_of
from shared.jobs import Jobs
from shared.messages import Poisoned
from shared.models import Model, Models
from shared.records import Result
from shared.storage import QUEUES, Storage
from tests.support.role_proxy import RoleProxy, flat, rights_of, storage_alone
from tests.support.served_page import served
from tests.unit.test_azure_roles import rights_needed_by

BEARER = {"Authorization": "Bearer t"}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    with storage_alone(tmp_path_factory.mktemp("alone")) as accounts:
        yield accounts


def finished(storage: Storage, name: str) -> str:
    """A painted video with all that is left of one; its job."""
    jobs, inputs = Jobs(storage), storage.container("input")
    event = event_of(inputs, name, inputs.write(name, b"a video"), 7)
    Arrivals(storage).announce_new(event)
    storage.container("output").write(name, b"painted")
    storage.container("logs").write(f"{event.job}/scorer-1.jsonl", b'{"event": "ready"}\n')
    now = datetime.now(UTC)
    jobs.finish(Result(job=event.job, source=name, output=name, items=1, created=now, finished=now))
    for container in (jobs.shards, jobs.scored, jobs.segments):
        container.write(f"{event.job}/00000/left", b"left over")
    return event.job


def poisoned(storage: Storage, queue: str, job: str | None) -> None:
    message = Poisoned(
        message_id=f"m-{queue}",
        queue=queue,
        body="nonsense",
        reason="it can't be read",
        attempts=1,
        job=job,
        worker="w",
        at=datetime.now(UTC),
    )
    storage.poison(queue).send(message)


def ok(answer: httpx.Response) -> httpx.Response:
    assert answer.status_code in (200, 201, 303), answer.text
    return answer


def put(link: str) -> None:
    """As the browser sends a file: in blocks, after a look at which are there."""
    with httpx.Client() as browser:
        listed = browser.get(f"{link}&comp=blocklist&blocklisttype=uncommitted")
        assert listed.status_code in (200, 404)
        ok(browser.put(f"{link}&comp=block&blockid=MQ%3D%3D", content=b"a video"))
        blocks = b"<BlockList><Uncommitted>MQ==</Uncommitted></BlockList>"
        ok(browser.put(f"{link}&comp=blocklist", content=blocks))


def upload(client: httpx.Client, model: str, name: str, lesson: bool) -> None:
    asked = {"workload": "video", "model": model, "name": name, "lesson": lesson}
    made = ok(client.post("/api/v1/uploads", json=asked)).json()
    put(made["link"])
    done = {"workload": "video", "blob": made["blob"], "lesson": lesson}
    ok(client.post("/api/v1/uploads/done", json=done))


def do_everything(storage: Storage, desk: Desk, client: httpx.Client) -> None:
    """What viewers, uploaders and operators can do."""
    Models(storage).publish(Model("great-wave", "pencil"))
    job, other = finished(storage, "great-wave/a.mp4"), finished(storage, "great-wave/b.mp4")
    for path in ("/", f"/jobs/{job}", "/poison", "/cluster", "/drop/video", "/w/video/styles"):
        ok(client.get(path))
    ok(client.get("/w/readings/rounds"))
    storage.container("predictions").write("2026/11/20/14.json", b"no summary")
    assert "no summary" not in client.get("/w/readings/rounds/2026-11-20T14").text
    client.get(f"/w/video/painted/{job}/00000/0000.tar")
    for place in ("output", "input"):
        to = client.get(f"/jobs/{job}/{place}").headers["Location"]
        ok(httpx.get(to))
    for path in ("jobs", f"jobs/{job}/log", "poison", "cluster", "models", "audit"):
        ok(client.get(f"/api/v1/{path}"))
    ok(httpx.get(ok(client.post("/api/v1/grants", json={"job": job})).json()["link"]))
    upload(client, "great-wave", "c.mp4", lesson=False)
    upload(client, "own", "own.jpg", lesson=True)
    ok(client.get("/w/video/styles"))
    running = next(each for each in client.get("/api/v1/jobs").json() if each["state"] == "waiting")
    ok(client.post(f"/api/v1/jobs/{running['job']}/cancel"))
    ok(client.post(f"/api/v1/jobs/{running['job']}/retry"))
    ok(client.post(f"/api/v1/jobs/{running['job']}/cancel"))
    for ended in (other, running["job"]):
        ok(client.delete(f"/api/v1/jobs/{ended}"))
    assert not storage.container("input").find("great-wave/b.mp4")
    assert not storage.container("output").find("great-wave/b.mp4")
    for queue in QUEUES:
        storage.queue(queue).send_text("nonsense")
        poisoned(storage, queue, job if queue == "chunks" else None)
    desk.board.measures.take()
    assert len(client.get("/api/v1/poison").json()) == len(QUEUES)
    chosen = {"ids": [f"m-{queue}" for queue in QUEUES[1:]]}
    assert ok(client.post("/api/v1/poison/requeue", json=chosen)).json() == {"count": 13}
    assert ok(client.post("/api/v1/poison/purge", json={"all": True})).json() == {"count": 1}


def test_the_page_does_everything_with_its_roles_and_uses_all_of_them(
    alone: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPASTO_CLUSTER", "queue")  # as in Azure
    storage = Storage(alone.settings())
    with RoleProxy(alone, rights_of("web")) as proxy:
        given = proxy.accounts.settings().model_dump(exclude_none=True)
        desk = Desk(Storage(proxy.accounts.settings()), WebSettings(**given, web_token="t"))
        with closing(desk.board), served(desk) as client:
            client.headers.update(BEARER)
            desk.board.start()
            do_everything(storage, desk, client)
    needed = flat(rights_needed_by("web"))
    assert not proxy.refused
    assert storage.container("styles").under() == []
    assert set(proxy.used) == needed
