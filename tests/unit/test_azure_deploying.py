"""Deploying to Azure, as far as it goes without Azure: `az` records calls and plays errors."""

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import pytest

from deploy.azure import smoke
from deploy.azure.environment import TEMPLATE, Environment
from deploy.azure.images import RUNS
from tests.support.fake_tools import ROOT, FakeTools
from tests.support.role_proxy import Right, flat, rights_of
from tests.unit.test_azure_roles import OTHERS

pytestmark = pytest.mark.slow

GROUP = "impasto-dev"
SERVER = "impastodev.test"
DIGEST = "sha256:" + "a" * 64
OLD = f"{SERVER}/impasto/splitter@sha256:" + "0" * 64
NEW = f"{SERVER}/impasto/splitter@{DIGEST}"
SERVICES = ("splitter", "dispatcher", "scorer", "stitcher")


@pytest.fixture
def tools(tmp_path: Path) -> FakeTools:
    """A login that works, and an environment that exists."""
    tools = FakeTools(tmp_path / "bin")
    apps = [("containerApps", name) for name in ("splitter", "dispatcher", "web")]
    jobs = [("jobs", name) for name in ("scorer", "stitcher", "publish", "replay", "due")]
    resources = [
        {"type": f"Microsoft.App/{kind}", "name": f"impastodev-{name}", "id": f"/apps/{name}"}
        for kind, name in apps + jobs
    ]
    shown = {"properties": {"template": {"containers": [{"image": OLD}]}}}
    outputs = {
        **{"mediaName": {"value": "media1"}, "workName": {"value": "work1"}},
        **{"pageUrl": {"value": ""}, "pageHost": {"value": "impasto-web.test"}},
    }
    outcome = {"state": "finished", "output": "great-wave/smoke-1.mp4"}
    tools.answer("make -s image")
    tools.answer("docker push")
    tools.answer("az account show", json={})
    tools.answer("az group exists", json=True)
    tools.answer("az group create", json={})
    tools.answer("az group delete")
    tools.answer("az deployment group what-if", text="+ something")
    tools.answer("az deployment group create", json={"properties": {"outputs": outputs}})
    tools.answer("az acr list", json=[{"name": "impastodev", "loginServer": SERVER}])
    tools.answer("az acr login")
    tools.answer("az acr repository show", json={"digest": DIGEST})
    tools.answer("az resource list", json=resources)
    tools.answer("az containerapp show", json=shown)
    tools.answer("az containerapp job show", json=shown)
    tools.answer("az containerapp update", json={})
    tools.answer("az containerapp job update", json={})
    tools.answer("az containerapp job start", json={"name": "publish-1"})
    tools.answer("az containerapp job execution show", json={"properties": {"status": "Succeeded"}})
    tools.answer("az tag update", json={})
    tools.answer("az tag list", json={"properties": {"tags": {"previousImage": NEW}}})
    tools.answer("az storage blob upload", json={"etag": '"0x1"'})
    tools.answer("az storage blob exists", json={"exists": True})
    tools.answer("az storage blob download", json={}, file=outcome)
    tools.answer("az storage blob show", json={"name": outcome["output"]})
    return tools


def ended(done: "subprocess.CompletedProcess[str]") -> str:
    """The last line of a run that failed: a sentence, and no traceback."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.endswith("; it can be run again")
    return last


def images_of(call: list[str]) -> dict[str, str]:
    [word] = [word for word in call if word.startswith("images=")]
    found: dict[str, str] = json.loads(word.removeprefix("images="))
    return found


@contextmanager
def answering(status: int, to: str) -> Iterator[str]:
    """A server that answers every request in the same way."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            if to:
                self.send_header("Location", to)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_given: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class TestEverything:
    def test_each_step_follows_the_one_before(self, tools: FakeTools) -> None:
        done = tools.deploy("deploy", "dev", "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "painted: output/great-wave/smoke-1.mp4" in done.stdout
        steps = (
            "az account show",
            "az deployment group what-if",
            "az acr login",
            "docker push",
            "az deployment group create",
            "az containerapp job start",
            "az storage blob upload",
        )
        said = [" ".join(call) for call in tools.calls()]
        first = [next(i for i, call in enumerate(said) if call.startswith(s)) for s in steps]
        assert first == sorted(first)
        assert not tools.called("az group create")
        [upload] = tools.called("az storage blob upload")
        assert upload[upload.index("--account-name") + 1] == "media1"

    def test_images_are_deployed_by_digest(self, tools: FakeTools) -> None:
        tools.deploy("deploy", "dev", "--yes")
        [call] = tools.called("az deployment group create")
        names = (*SERVICES, "console", "web")
        expected = {name: f"{SERVER}/impasto/{name}@{DIGEST}" for name in names}
        assert images_of(call) == expected
        assert len(tools.called("docker push")) == len(names)

    def test_what_if_is_asked_about_the_images_that_run(self, tools: FakeTools) -> None:
        tools.deploy("deploy", "dev", "--yes")
        [call] = tools.called("az deployment group what-if")
        assert images_of(call) == dict.fromkeys((*SERVICES, "console", "web"), OLD)

    def test_nothing_changes_before_somebody_agrees(self, tools: FakeTools) -> None:
        for typed in ("", "n\n", "no\n"):
            assert "not agreed to" in ended(tools.deploy("deploy", "dev", typed=typed))
        assert not tools.called("az deployment group create")
        assert not tools.called("docker push")
        assert tools.deploy("deploy", "dev", typed="y\n").returncode == 0

    def test_a_new_environment_gets_its_registry_before_its_images(self, tools: FakeTools) -> None:
        tools.answer("az group exists", json=False)
        tools.answer("az acr list", json=[])
        tools.answer("az resource list", json=[])
        assert "LOCATION=" in ended(tools.deploy("deploy", "dev", "--yes"))
        assert not tools.called("az group create")
        ended(tools.deploy("deploy", "dev", "--yes", "--location", "westeurope"))
        assert tools.called("az group create")
        [call] = tools.called("az deployment group create")
        assert images_of(call) == {}

    def test_without_a_page_what_if_knows_the_others(self, tools: FakeTools) -> None:
        there = tools.answer_to("az resource list")["json"]
        rest = [each for each in there if not each["name"].endswith("-web")]
        tools.answer("az resource list", json=rest)
        done = tools.deploy("deploy", "dev", "--yes")
        assert "make its login for impasto-web.test" in done.stdout
        [call] = tools.called("az deployment group what-if")
        assert images_of(call) == dict.fromkeys((*SERVICES, "console"), OLD)

    @pytest.mark.parametrize(
        ("status", "to", "sentence"),
        [
            (302, "/.auth/login/aad?post_login_redirect_uri=%2F", ""),
            (302, "https://login.test/tenant/oauth2/v2.0/authorize?client_id=1", ""),
            (401, "", ""),
            (200, "", "answered a stranger with 200"),
            (302, "/login?to=/", "answered a stranger with 302"),
        ],
    )
    def test_the_page_lets_nobody_in_unasked(
        self, tools: FakeTools, status: int, to: str, sentence: str
    ) -> None:
        with answering(status, to) as url:
            outputs = tools.answer_to("az deployment group create")["json"]["properties"]["outputs"]
            outputs["pageUrl"]["value"] = url
            done = tools.deploy("deploy", "dev", "--yes")
        assert sentence in ended(done) if sentence else f"who you are: {url}" in done.stdout

    def test_a_page_that_does_not_answer(self, tools: FakeTools) -> None:
        with answering(200, "") as url:
            pass
        outputs = tools.answer_to("az deployment group create")["json"]["properties"]["outputs"]
        outputs["pageUrl"]["value"] = url
        assert "doesn't answer this machine" in ended(tools.deploy("deploy", "dev", "--yes"))

    @pytest.mark.parametrize("state", ["refused", "failed"])
    def test_a_smoke_test_that_ends_badly(self, tools: FakeTools, state: str) -> None:
        outcome = {"state": state, "reason": "it is no video"}
        tools.answer("az storage blob download", json={}, file=outcome)
        assert f"is {state}: it is no video" in ended(tools.deploy("deploy", "dev", "--yes"))

    def test_publishing_that_fails(self, tools: FakeTools) -> None:
        status = {"properties": {"status": "Failed"}}
        tools.answer("az containerapp job execution show", json=status)
        assert "impastodev-publish failed" in ended(tools.deploy("deploy", "dev", "--yes"))
        assert not tools.called("az storage blob upload")


LOGIN = "AADSTS700082: The refresh token has expired due to inactivity. Run: az login"
TAKEN = "(StorageAccountAlreadyTaken) The storage account named impastomedia is already taken."
QUOTA = "(QuotaExceeded) Operation could not be completed as it results in exceeding quota"
CLOSED = "This request is not authorized. ErrorCode:AuthorizationFailure"
NO_ROLE = "You do not have the required permissions needed to perform this operation."
LOCKED = "(ScopeLocked) The scope cannot perform delete operation because it is locked"
ABSENT = "(BlobNotFound) The specified blob does not exist."
LACKING = "(AuthorizationFailed) The client does not have authorization to perform action"


@pytest.mark.parametrize(
    ("step", "error", "advice"),
    [
        ("az account show", LOGIN, "the login has expired; run `az login`"),
        ("az deployment group what-if", LOGIN, "the login has expired"),
        ("az acr login", LOGIN, "the login has expired"),
        ("az deployment group create", TAKEN, "change `prefix`"),
        ("az deployment group create", QUOTA, "a quota of the subscription is used up"),
        ("az deployment group create", LACKING, "the login lacks a role"),
        ("az containerapp job start", "(ServiceUnavailable) later", "didn't answer in time"),
        ("az storage blob upload", "something new", "failed: something new"),
        ("az storage blob upload", CLOSED, "run it from inside the network"),
        ("az storage blob exists", NO_ROLE, "the login lacks a data role there"),
        ("az storage blob show", ABSENT, "does not exist"),
        ("docker push", "denied: not logged in", "failed: denied: not logged in"),
        ("make -s image", "no space left on device", "no space left on device"),
    ],
)
def test_an_error_ends_in_a_sentence_and_the_next_run_goes_through(
    tools: FakeTools, step: str, error: str, advice: str
) -> None:
    well = tools.answer_to(step)
    tools.answer(step, error=error)
    last = ended(tools.deploy("deploy", "dev", "--yes"))
    assert advice in last
    assert step.split(maxsplit=1)[0] in last
    tools.answer(step, **well)
    assert tools.deploy("deploy", "dev", "--yes").returncode == 0


SERVICE_ALONE = ("deploy", "dev", "--service", "splitter")
ROLL_BACK = ("roll-back", "dev", "--service", "splitter")


@pytest.mark.parametrize(
    ("words", "step", "error", "advice"),
    [
        (("deploy", "dev", "--yes"), "az group exists", LOGIN, "the login has expired"),
        (SERVICE_ALONE, "az resource list", LOGIN, "the login has expired"),
        (SERVICE_ALONE, "az acr login", LOGIN, "the login has expired"),
        (SERVICE_ALONE, "az tag update", LACKING, "the login lacks a role"),
        (SERVICE_ALONE, "az containerapp update", QUOTA, "a quota of the subscription is used up"),
        (ROLL_BACK, "az tag list", LOGIN, "the login has expired"),
        (ROLL_BACK, "az containerapp update", QUOTA, "a quota of the subscription is used up"),
        (("destroy", "dev", "--yes"), "az resource list", LOGIN, "the login has expired"),
        (("destroy", "dev", "--yes"), "az group delete", LOCKED, "delete the lock first"),
    ],
)
def test_every_command_ends_in_a_sentence_and_can_be_run_again(
    tools: FakeTools, words: tuple[str, ...], step: str, error: str, advice: str
) -> None:
    well = tools.answer_to(step)
    tools.answer(step, error=error)
    assert advice in ended(tools.deploy(*words))
    tools.answer(step, **well)
    assert tools.deploy(*words).returncode == 0


def test_a_name_that_is_taken_is_found_before_anything_is_built(tools: FakeTools) -> None:
    tools.answer("az acr list", json=[])
    tools.answer("az deployment group create", error=TAKEN)
    assert "change `prefix`" in ended(tools.deploy("deploy", "dev", "--yes"))
    assert not tools.called("docker push")


def test_the_smoke_test_does_what_its_roles_allow_and_all_of_it(tools: FakeTools) -> None:
    tools.deploy("deploy", "dev", "--yes")
    rights = {"upload": "write", "exists": "read", "download": "read", "show": "read"}
    done = {
        Right("container", call[call.index("--container-name") + 1], rights[call[3]])
        for call in tools.called("az storage blob")
    }
    assert done == flat(OTHERS["deploy"])
    assert done <= rights_of("deploy")


class TestOneService:
    def test_only_that_service_gets_a_new_image(self, tools: FakeTools) -> None:
        done = tools.deploy("deploy", "dev", "--service", "splitter")
        assert done.returncode == 0, done.stdout
        [call] = tools.called("az containerapp update")
        assert call[call.index("--image") + 1] == NEW
        assert "impastodev-splitter" in call
        assert len(tools.called("docker push")) == 1
        assert not tools.called("az deployment")
        assert not tools.called("az containerapp job update")

    def test_the_image_before_is_remembered_before_it_is_replaced(self, tools: FakeTools) -> None:
        tools.deploy("deploy", "dev", "--service", "splitter")
        said = [call[1:3] for call in tools.calls()]
        assert said.index(["tag", "update"]) < said.index(["containerapp", "update"])
        assert f"previousImage={OLD}" in tools.called("az tag update")[0]

    def test_a_job_is_updated_as_a_job(self, tools: FakeTools) -> None:
        tools.deploy("deploy", "dev", "--service", "scorer")
        [call] = tools.called("az containerapp job update")
        assert "impastodev-scorer" in call

    def test_what_runs_already_is_not_touched(self, tools: FakeTools) -> None:
        shown = {"properties": {"template": {"containers": [{"image": NEW}]}}}
        tools.answer("az containerapp show", json=shown)
        assert tools.deploy("deploy", "dev", "--service", "splitter").returncode == 0
        assert not tools.called("az tag update")
        assert not tools.called("az containerapp update")

    def test_a_service_that_there_is_not(self, tools: FakeTools) -> None:
        last = ended(tools.deploy("deploy", "dev", "--service", "spliter"))
        assert "SERVICE=spliter is no service" in last
        assert not tools.calls()

    def test_it_can_be_rolled_back(self, tools: FakeTools) -> None:
        assert tools.deploy("roll-back", "dev", "--service", "splitter").returncode == 0
        [call] = tools.called("az containerapp update")
        assert call[call.index("--image") + 1] == NEW
        assert f"previousImage={OLD}" in tools.called("az tag update")[0]

    def test_it_can_be_rolled_back_to_any_commit(self, tools: FakeTools) -> None:
        assert tools.deploy(*ROLL_BACK, "--to", "HEAD").returncode == 0
        [call] = tools.called("az containerapp update")
        assert call[call.index("--image") + 1] == NEW
        [asked] = tools.called("az acr repository show")
        assert re.fullmatch(r"impasto/splitter:[0-9a-f]{40}", asked[asked.index("--image") + 1])
        assert not tools.called("make")
        assert not tools.called("docker")

    def test_a_commit_that_there_is_not(self, tools: FakeTools) -> None:
        assert "`git rev-parse" in ended(tools.deploy(*ROLL_BACK, "--to", "v99"))
        tools.answer("az acr repository show", error="the tag v0 does not exist")
        assert "does not exist" in ended(tools.deploy(*ROLL_BACK, "--to", "HEAD"))
        assert not tools.called("az containerapp update")

    def test_the_console_is_what_two_jobs_run(self, tools: FakeTools) -> None:
        assert tools.deploy("roll-back", "dev", "--service", "console").returncode == 0
        replay, due = tools.called("az containerapp job update")
        assert "impastodev-replay" in replay
        assert "impastodev-due" in due

    def test_there_may_be_nothing_to_roll_back_to(self, tools: FakeTools) -> None:
        tools.answer("az tag list", json={"properties": {"tags": None}})
        last = ended(tools.deploy("roll-back", "dev", "--service", "splitter"))
        assert "doesn't remember what it ran before" in last
        assert "SERVICE=… is no service" in ended(tools.deploy("roll-back", "dev"))


class TestDestroying:
    def test_it_is_asked_for_by_name(self, tools: FakeTools) -> None:
        for typed in ("", "y\n", "prod\n"):
            assert "nothing was deleted" in ended(tools.deploy("destroy", "dev", typed=typed))
        assert not tools.called("az group delete")
        assert tools.deploy("destroy", "dev", typed="dev\n").returncode == 0
        [call] = tools.called("az group delete")
        assert GROUP in call

    def test_it_can_be_done_twice(self, tools: FakeTools) -> None:
        tools.answer("az group exists", json=False)
        done = tools.deploy("destroy", "dev", typed="dev\n")
        assert done.returncode == 0
        assert "nothing to destroy" in done.stdout
        assert not tools.called("az group delete")


def test_an_environment_has_to_be_named(tools: FakeTools) -> None:
    for verb in ("deploy", "roll-back", "destroy"):
        assert "ENV=dev" in ended(tools.deploy(verb, ""))
    assert not tools.calls()


def test_the_smoke_test_has_a_video_of_three_seconds(tmp_path: Path) -> None:
    smoke.cut(smoke.SAMPLE, tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "clip.mp4")) as clip:
        frames = list(clip.decode(video=0))
    assert frames[-1].time == pytest.approx(3, abs=0.2)


def test_template_and_script_agree() -> None:
    """On parameters, outputs and names; what Azure makes of them was never tried."""
    if not TEMPLATE.exists():
        pytest.skip("there is no template yet")
    main = TEMPLATE.read_text()
    apps = (TEMPLATE.parent / "modules/apps.bicep").read_text()
    assert "param images object = {}" in main
    for name in ("mediaName", "workName"):
        assert f"output {name} string" in main
    for name, runs in RUNS.items():
        assert f"name: '{runs}'" in apps
        assert re.search(rf"image: (page \? )?images\.{name}\b", apps)
    for stage in ("dev", "prod"):
        assert Path(Environment(stage).parameters).exists()


def test_the_makefile_has_the_commands() -> None:
    text = (ROOT / "Makefile").read_text()
    for target in ("deploy", "roll-back", "destroy"):
        assert f"\n{target}: setup\n" in text
