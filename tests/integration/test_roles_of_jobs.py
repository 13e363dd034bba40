"""What runs in Azure besides the four services has roles that are enough, and uses all of them.

Each runs behind a proxy that allows what its roles allow, by method and path. The trigger, which
has no role there because Event Grid does its work, is held to the rights that it says it needs.
"""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.console.__main__ import app
from services.console.accounts import Accounts
from services.trigger import service as trigger
from shared.arrivals import lane_of
from shared.errors import Forbidden
from shared.jobs import Jobs
from shared.models import Model, Models
from shared.records import Result
from shared.rights import Rights
from shared.runtime.access import Access
from shared.runtime.stop import Stop
from shared.storage import LANES, QUEUES, Storage
from tests.support.consuming import consuming
from tests.support.role_proxy import Right, RoleProxy, flat, rights_of, storage_alone
from tests.support.stacks import ROOT
from tests.support.waiting import eventually
from tests.unit.test_azure_roles import rights_needed_by

#: deploy/azure/README.md has the roles for these.
GRANTING = flat(Rights({"input": "read", "models": "read", "jobs": "list read", "logs": "write"}))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Accounts]:
    with storage_alone(tmp_path_factory.mktemp("alone")) as accounts:
        yield accounts


def run_console(command: str, proxy: RoleProxy) -> None:
    """As the job of Container Apps runs it."""
    done = CliRunner().invoke(app, [command, "--json"], env=proxy.accounts.environment())
    if done.exception:
        raise done.exception


def drop(storage: Storage, moment: str) -> None:
    """A video for each lane, a painting, and readings of an hour that is over."""
    inputs = storage.container("input")
    by_lane = {lane_of(blob): blob for blob in (f"folder-{n}/{moment}" for n in range(1000))}
    assert by_lane.keys() == set(LANES)
    for blob in by_lane.values():
        inputs.write(blob, b"a video")
    storage.container("styles").write(f"{moment}.jpg", b"a painting")
    arrived = datetime.now(UTC) - timedelta(hours=3)
    name = f"ns/hub/0/{arrived:%Y/%m/%d/%H}/05/00.avro"
    storage.container("readings").write(name, b"readings")


def leave_something_of_an_ended_job(storage: Storage) -> None:
    jobs = Jobs(storage)
    jobs.fail("over-0123456789ab", None, "refused", "it was no good")
    for container in (jobs.shards, jobs.scored, jobs.segments):
        container.write("over-0123456789ab/00000/left", b"left over")


def refusal(right: Right) -> str:
    words = {
        "list": "list",
        "read": "read from",
        "write": "write to",
        "delete": "delete from",
        "send": "send to",
    }
    return f"not allowed to {words[right.right]} {right.name} in account impasto"


@pytest.mark.parametrize("command", ["due", "replay"])
def test_a_job_of_the_console_does_its_work_with_its_roles(alone: Accounts, command: str) -> None:
    storage, needed = Storage(alone.settings()), flat(rights_needed_by(command))
    drop(storage, command)
    for right in sorted(needed):
        leave_something_of_an_ended_job(storage)
        with RoleProxy(alone, rights_of(command) - {right}) as proxy:
            with pytest.raises(Forbidden, match=refusal(right)):
                run_console(command, proxy)
            assert set(proxy.refused) == {right}
    drop(storage, f"{command}-again")
    leave_something_of_an_ended_job(storage)
    with RoleProxy(alone, rights_of(command)) as proxy:
        run_console(command, proxy)
    assert not proxy.refused
    assert set(proxy.used) == needed
    if command == "replay":
        assert Jobs(storage).shards.under("over-0123456789ab/") == []
    assert sum(storage.queue(lane).count() for lane in LANES) > 0


def test_publishing_does_its_work_with_its_roles(alone: Accounts) -> None:
    def publish(proxy: RoleProxy) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "services.scorer.publish"],
            env=proxy.accounts.environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    needed = flat(rights_needed_by("publish"))
    with RoleProxy(alone, rights_of("publish")) as proxy:
        assert publish(proxy).returncode == 0
    assert not proxy.refused
    assert set(proxy.used) == needed
    assert Storage(alone.settings()).container("models").find("great-wave")
    [right] = needed
    with RoleProxy(alone, rights_of("publish") - {right}) as proxy:
        failed = publish(proxy)
    assert failed.returncode
    assert refusal(right) in failed.stderr


def test_the_scaler_counts_messages_with_its_roles(alone: Accounts) -> None:
    with RoleProxy(alone, rights_of("scaler")) as proxy:
        storage = Storage(proxy.accounts.settings())
        for name in QUEUES:
            assert storage.queue(name).count() >= 0
    assert not proxy.refused
    assert set(proxy.used) == flat(rights_needed_by("scaler"))


def test_the_trigger_needs_no_more_than_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with storage_alone(tmp_path / "storage") as accounts:
        drop(Storage(accounts.settings()), "trigger")
        check = Access.check
        with RoleProxy(accounts, flat(trigger.RIGHTS)) as proxy:

            def check_uncounted(access: Access) -> bool:
                with proxy.not_counting():
                    return check(access)

            monkeypatch.setattr(Access, "check", check_uncounted)
            settings, stop = proxy.accounts.settings(), Stop()
            with consuming(trigger.build(Storage(settings), settings, stop), stop):
                eventually(lambda: set(proxy.used) == flat(trigger.RIGHTS), "all to be announced")
        assert not proxy.refused


def test_handing_out_links_takes_the_rights_that_the_page_names(alone: Accounts) -> None:
    """And by login the key that signs, which tests/integration/test_grants_by_login.py asks for."""
    storage = Storage(alone.settings())
    Models(storage).publish(Model("great-wave", "pencil"))
    now = datetime.now(UTC)
    result = Result(
        job="done-0123456789ab",
        source="great-wave/a.mp4",
        output="great-wave/a.mp4",
        items=1,
        created=now,
        finished=now,
    )
    Jobs(storage).finish(result)
    used = {}
    for words in (["--upload", "--folder", "great-wave"], ["--download", result.job]):
        with RoleProxy(alone, GRANTING) as proxy:
            done = CliRunner().invoke(
                app, ["grant", *words, "--json"], env=proxy.accounts.environment()
            )
        assert done.exit_code == 0, done.output
        assert not proxy.refused
        used[words[0]] = set(proxy.used)
    assert used["--upload"] | used["--download"] == GRANTING
