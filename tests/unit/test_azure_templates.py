"""The templates of Azure: they parse, fit each other and the code, and hold no secret."""

import inspect
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pycep import BicepParser

from deploy.azure import whole
from deploy.azure.environment import Environment
from services.web.caller import Role
from shared.storage import LANES, PAGES_MAY, QUEUES, WORK_CONTAINERS
from shared.workloads import media_containers

ROOT = Path(__file__).parents[2]
AZURE = ROOT / "deploy/azure"
TEMPLATES = sorted(AZURE.rglob("*.bicep"))
#: Types that Azure gives no tags: what is part of another resource, or about it.
UNTAGGED = {
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.Authorization/roleDefinitions",
    "Microsoft.Consumption/budgets",
    "microsoft.insights/diagnosticSettings",
}
#: What would bring a key into a template, a parameter, an environment or an output.
SECRET = re.compile(
    r"listKeys|listAccountSas|listServiceSas|listCredentials|listSecrets|listClusterUser"
    r"|connectionString|AccountKey=|SharedAccessKey|sharedKey\b|primaryKey|secondaryKey"
    r"|instrumentationKey|password|secretRef|secureString|@secure|_CONNECTION\b|\bsecrets\b",
    re.IGNORECASE,
)


@cache
def parsed(path: Path) -> dict[str, Any]:
    return dict(BicepParser().parse(text=path.read_text()))


def body(declared: dict[str, Any]) -> dict[str, Any]:
    """What one resource or module is given, out of its loop and its condition."""
    config: dict[str, Any] = declared["config"]
    while "config" in config:
        config = config["config"]
    return config


def resources() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Of each resource that is made: where, its type, what it is given."""
    for path in TEMPLATES:
        for name, declared in parsed(path).get("resources", {}).items():
            if not declared["existing"]:
                yield f"{path.stem}.{name}", declared["type"], body(declared)


def of_type(wanted: str) -> dict[str, dict[str, Any]]:
    found = {where: given for where, kind, given in resources() if kind == wanted}
    assert found
    return found


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_parses(path: Path) -> None:
    assert parsed(path)["parameters"]


def test_no_file_holds_or_asks_for_a_secret() -> None:
    files = [path for path in AZURE.rglob("*") if path.suffix in (".bicep", ".json", ".asaql")]
    found = {
        f"{path.name}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if SECRET.search(line)
    }
    assert found == set()


@pytest.mark.parametrize("kind", ["Microsoft.Storage/storageAccounts"])
def test_storage_takes_identities_alone_over_tls(kind: str) -> None:
    wanted = {
        "allowSharedKeyAccess": False,
        "allowBlobPublicAccess": False,
        "isLocalUserEnabled": False,
        "isHnsEnabled": False,
        "minimumTlsVersion": "TLS1_2",
        "supportsHttpsTrafficOnly": True,
    }
    for where, given in of_type(kind).items():
        assert given["kind"] == "StorageV2", where
        assert {key: given["properties"].get(key) for key in wanted} == wanted, where
        closed = given["properties"]["networkAcls"]["defaultAction"]["operator"]["operands"]
        assert closed == {"condition": "private", "true_value": "Deny", "false_value": "Allow"}
    for where, given in of_type(f"{kind}/blobServices/containers").items():
        assert given["properties"]["publicAccess"] == "None", where


def test_nothing_else_takes_keys() -> None:
    for given in of_type("Microsoft.ContainerRegistry/registries").values():
        assert given["properties"]["adminUserEnabled"] is False
        assert given["properties"]["anonymousPullEnabled"] is False
    for given in of_type("Microsoft.OperationalInsights/workspaces").values():
        assert given["properties"]["features"]["disableLocalAuth"] is True
    for given in of_type("Microsoft.Insights/components").values():
        assert given["properties"]["DisableLocalAuth"] is True


def test_work_keeps_nothing_that_was_deleted_and_media_does() -> None:
    services = of_type("Microsoft.Storage/storageAccounts/blobServices")
    kept = {
        given["parent"]: (
            given["properties"]["isVersioningEnabled"],
            given["properties"]["deleteRetentionPolicy"]["enabled"],
        )
        for given in services.values()
    }
    assert kept == {"media": (True, True), "work": (False, False)}


def test_every_type_has_one_pinned_version() -> None:
    versions: dict[str, set[str]] = {}
    for path in TEMPLATES:
        for declared in parsed(path).get("resources", {}).values():
            versions.setdefault(declared["type"], set()).add(declared["api_version"])
    for kind, used in versions.items():
        assert len(used) == 1, f"{kind}: {used}"
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", min(used)), f"{kind}: {used}"


def test_everything_that_can_be_is_tagged() -> None:
    for where, kind, given in resources():
        is_part = kind.count("/") > 1 and not kind.endswith("/virtualNetworkLinks")
        if not is_part and kind not in UNTAGGED:
            assert given.get("tags") == "tags", where
    assert parsed(AZURE / "main.bicep")["variables"]["tags"]["value"].keys() == {
        "application",
        "stage",
    }


def test_every_module_is_used_and_gets_its_parameters() -> None:
    used = set()
    for template in TEMPLATES:
        for name, declared in parsed(template).get("modules", {}).items():
            path = template.parent / declared["detail"]["path"]
            used.add(path)
            parameters = parsed(path)["parameters"]
            given = body(declared)["params"].keys()
            needed = {key for key, each in parameters.items() if each["default"] is None}
            assert needed <= given <= parameters.keys(), name
    assert used == set(AZURE.glob("modules/*.bicep"))


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_the_parameter_files_fit_main(stage: str) -> None:
    file = json.loads((AZURE / f"{stage}.parameters.json").read_text())
    given = file["parameters"]
    parameters = parsed(AZURE / "main.bicep")["parameters"]
    needed = {key for key, each in parameters.items() if each["default"] is None}
    assert needed <= given.keys() <= parameters.keys()
    types = {"string": str, "bool": bool, "int": int, "array": list, "object": dict}
    for key, each in given.items():
        assert type(each["value"]) is types[parameters[key]["type"]], key
    assert given["stage"]["value"] == stage
    assert given["private"]["value"] is (stage == "prod")


def test_containers_and_queues_are_those_of_the_code() -> None:
    names = json.loads((AZURE / "storage.json").read_text())
    assert names["media"] == media_containers()
    assert names["work"] == list(WORK_CONTAINERS)
    assert names["queues"] == list(QUEUES)


def test_lifecycle_rules_name_containers_that_are_there() -> None:
    there = {*media_containers(), *WORK_CONTAINERS, "dead-letters"}
    days = {}
    for given in of_type("Microsoft.Storage/storageAccounts/managementPolicies").values():
        for rule in given["properties"]["policy"]["rules"]:
            definition = rule["definition"]
            prefixes = definition["filters"].get("prefixMatch", [])
            assert {prefix.removesuffix("/") for prefix in prefixes} <= there
            deleted = definition["actions"].get("baseBlob", {}).get("delete")
            for prefix in prefixes if deleted else []:
                days[prefix] = integer(deleted["daysAfterModificationGreaterThan"])
    assert days == {
        **dict.fromkeys(("shards/", "scored/", "segments/"), 14),
        **dict.fromkeys(("logs/", "dead-letters/"), 30),
        "jobs/": 365,
    }


def integer(value: int | dict[str, int]) -> int:
    return value["integer_value"] if isinstance(value, dict) else value


def given_to(service: str) -> dict[str, Any]:
    """What apps.bicep gives the module of a service."""
    given: dict[str, Any] = body(parsed(AZURE / "modules/apps.bicep")["modules"][service])["params"]
    return given


def test_services_are_scaled_by_the_queues_they_take_from() -> None:
    assert set(given_to("splitter")["queues"]) == {"arrivals", *LANES, "segments"}
    assert {each["name"] for each in given_to("scorer")["queues"]} == {"chunks", "lessons"}
    assert {each["name"] for each in given_to("stitcher")["queues"]} == {"scored"}
    assert "shards" in given_to("dispatcher")["queues"]
    assert set(given_to("dispatcher")["queues"]) <= set(QUEUES)
    for module in ("app", "worker"):
        text = (AZURE / f"modules/{module}.bicep").read_text()
        assert text.count("type: 'azure-queue'") == 1
        assert text.count("queueLengthStrategy: 'all'") == 1
        assert text.count("identity: scaler\n") == 1


def test_services_are_told_settings_that_there_are() -> None:
    text = "".join(path.read_text() for path in TEMPLATES)
    named = set(re.findall(r"'(IMPASTO_\w+)'", text))
    known = set(re.findall(r"`(IMPASTO_\w+)`", (ROOT / "docs/settings.md").read_text()))
    assert {"IMPASTO_MEDIA_URL", "IMPASTO_WORK_URL", "IMPASTO_WORK_QUEUE_URL"} <= named <= known


def test_a_service_may_drain_before_it_is_killed() -> None:
    text = (AZURE / "modules/apps.bicep").read_text()
    assert "{ name: 'IMPASTO_DRAIN_SECONDS', value: string(drainSeconds) }" in text
    app = (AZURE / "modules/app.bicep").read_text()
    assert app.count("terminationGracePeriodSeconds: drainSeconds + 30\n") == 1
    longest = re.search(
        r"@maxValue\((\d+)\)\nparam drainSeconds", (AZURE / "main.bicep").read_text()
    )
    assert longest
    assert int(longest[1]) + 30 <= 600  # Container Apps' own limit


def test_events_reach_queues_whatever_time_it_takes() -> None:
    [topic] = of_type("Microsoft.EventGrid/systemTopics").values()
    assert topic["identity"] == {"type": "SystemAssigned"}
    text = (AZURE / "modules/events.bicep").read_text()
    assert "queueMessageTimeToLiveInSeconds: -1" in text
    routes = parsed(AZURE / "modules/events.bicep")["variables"]["routes"]["value"]
    assert {each["container"]: each["queue"] for each in routes} == {
        "input": "arrivals",
        "styles": "lessons",
    }


def test_the_pages_origin_alone_may_send_files_to_media() -> None:
    services = of_type("Microsoft.Storage/storageAccounts/blobServices").values()
    rules = {given["parent"]: given["properties"].get("cors", {}) for given in services}
    assert rules.keys() == {"media", "work"}
    assert not rules["work"]
    text = (AZURE / "modules/storage.bicep").read_text()
    assert "corsRules: empty(pageOrigin) ? [] : [\n" in text
    assert "allowedOrigins: [pageOrigin]\n" in text
    for words, name in (
        (PAGES_MAY["allowed_methods"], "allowedMethods"),
        (PAGES_MAY["allowed_headers"], "allowedHeaders"),
        (PAGES_MAY["exposed_headers"], "exposedHeaders"),
    ):
        listed = ", ".join(f"'{word}'" for word in words)
        assert f"{name}: [{listed}]\n" in text
    assert f"maxAgeInSeconds: {PAGES_MAY['max_age_in_seconds']}\n" in text


def test_the_page_is_behind_azures_login_and_nothing_else_takes_requests() -> None:
    open_to = {
        where: given["properties"]["configuration"].get("ingress")
        for where, given in of_type("Microsoft.App/containerApps").items()
    }
    assert open_to.keys() == {"app.app", "web.app"}
    assert open_to["app.app"] is None
    assert open_to["web.app"]["allowInsecure"] is False
    [login] = of_type("Microsoft.App/containerApps/authConfigs").values()
    assert (login["parent"], login["name"]) == ("app", "current")
    asks = login["properties"]
    assert asks["platform"]["enabled"] is True
    assert asks["globalValidation"]["unauthenticatedClientAction"] == "RedirectToLoginPage"
    assert "excludedPaths" not in asks["globalValidation"]
    assert asks["identityProviders"].keys() == {"azureActiveDirectory"}
    assert asks["identityProviders"]["azureActiveDirectory"]["enabled"] is True
    assert (
        "{ name: 'IMPASTO_WEB_LOGIN', value: 'azure' }" in (AZURE / "modules/web.bicep").read_text()
    )


def test_without_a_login_there_is_no_page() -> None:
    main = parsed(AZURE / "main.bicep")
    assert main["parameters"]["loginClientId"]["default"] == ""
    text = (AZURE / "main.bicep").read_text()
    assert "var hasPage = contains(images, 'web') && !empty(loginClientId)\n" in text
    assert "page: hasPage\n" in text
    assert "module web 'web.bicep' = if (page) {" in (AZURE / "modules/apps.bicep").read_text()


def test_the_roles_of_the_application_are_those_that_the_page_knows() -> None:
    roles = json.loads((AZURE / "app-roles.json").read_text())
    assert [role["value"] for role in roles] == [role.name.lower() for role in Role]
    assert len({role["id"] for role in roles}) == len(roles)
    assert all(role["isEnabled"] for role in roles)


def test_the_workbook_is_json() -> None:
    assert json.loads((AZURE / "workbook.json").read_text())["items"]


@pytest.mark.skipif(not shutil.which("az"), reason="az isn't installed: nothing compiles Bicep")
def test_az_builds_main(tmp_path: Path) -> None:
    build = ["az", "bicep", "build", "--file", str(AZURE / "main.bicep"), "--outdir", str(tmp_path)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_deploying_finds_its_parameters_and_the_outputs_it_reads(stage: str) -> None:
    assert Path(Environment(stage).parameters).exists()
    read = set(re.findall(r'outputs\["(\w+)"\]|outputs\[\'(\w+)\'\]', inspect.getsource(whole)))
    names = {name for pair in read for name in pair if name}
    assert names
    assert names <= parsed(AZURE / "main.bicep")["outputs"].keys()
