"""The manifests for Kubernetes, by the fields of its own kinds and of KEDA's and KubeRay's."""

import shutil
import subprocess
from typing import Any

import pytest
import yaml

from shared.storage import QUEUES
from tests.support.fake_tools import ROOT

FOLDER = ROOT / "deploy/kubernetes"
FOLDERS = ("keda", "ray")
#: By the field's name: a type, the fields of an object (! if it must be there), or of a list.
Schema = dict[str, Any]
PROBE: Schema = {
    "httpGet!": {"path!": str, "port!": int},
    "initialDelaySeconds": int,
    "periodSeconds": int,
    "failureThreshold": int,
}
CONTAINER: Schema = {
    "name!": str,
    "image!": str,
    "env": [{"name!": str, "value!": str}],
    "resources": {"requests": dict, "limits": dict},
    "livenessProbe": PROBE,
    "readinessProbe": PROBE,
    "securityContext": {
        "runAsNonRoot": bool,
        "allowPrivilegeEscalation": bool,
        "capabilities": {"drop": list},
    },
}
POD: Schema = {
    "metadata": {"labels": dict},
    "spec!": {
        "serviceAccountName": str,
        "terminationGracePeriodSeconds": int,
        "containers!": [CONTAINER],
    },
}
TRIGGER: Schema = {
    "type!": str,
    "metadata!": {
        "accountName!": str,
        "queueName!": str,
        "queueLength!": str,
        "queueLengthStrategy!": str,
    },
    "authenticationRef!": {"name!": str},
}
GROUP: Schema = {"rayStartParams!": dict, "template!": POD}
KINDS: dict[tuple[str, str], Schema] = {
    ("v1", "Namespace"): {},
    ("v1", "ServiceAccount"): {},
    ("apps/v1", "Deployment"): {
        "spec!": {"replicas": int, "selector!": {"matchLabels!": dict}, "template!": POD}
    },
    ("keda.sh/v1alpha1", "TriggerAuthentication"): {"spec!": {"podIdentity!": {"provider!": str}}},
    ("keda.sh/v1alpha1", "ScaledObject"): {
        "spec!": {
            "scaleTargetRef!": {"name!": str},
            "minReplicaCount": int,
            "maxReplicaCount": int,
            "pollingInterval": int,
            "cooldownPeriod": int,
            "triggers!": [TRIGGER],
        }
    },
    ("ray.io/v1", "RayCluster"): {
        "spec!": {
            "rayVersion!": str,
            "authOptions!": {"mode!": str},
            "enableInTreeAutoscaling": bool,
            "autoscalerOptions": {"idleTimeoutSeconds": int},
            "headGroupSpec!": GROUP,
            "workerGroupSpecs!": [
                GROUP | {"groupName!": str, "minReplicas": int, "maxReplicas": int}
            ],
        }
    },
}
COMMON: Schema = {
    "apiVersion!": str,
    "kind!": str,
    "metadata!": {"name!": str, "namespace": str, "labels": dict, "annotations": dict},
}


def troubles(value: object, schema: object, where: str) -> list[str]:
    """What doesn't fit, with its place."""
    if isinstance(schema, type):
        return [] if type(value) is schema else [f"{where} isn't {schema.__name__}"]
    if isinstance(schema, list):
        if not isinstance(value, list):
            return [f"{where} isn't a list"]
        return [
            t for n, item in enumerate(value) for t in troubles(item, schema[0], f"{where}.{n}")
        ]
    assert isinstance(schema, dict)
    if not isinstance(value, dict):
        return [f"{where} isn't an object"]
    fields = {name.rstrip("!"): inner for name, inner in schema.items()}
    missing = [n.rstrip("!") for n in schema if n.endswith("!") and n.rstrip("!") not in value]
    return [
        *(f"{where} lacks {name}" for name in missing),
        *(f"{where} has no field {name}" for name in value if name not in fields),
        *(t for n in value if n in fields for t in troubles(value[n], fields[n], f"{where}.{n}")),
    ]


def objects(folder: str) -> list[dict[str, Any]]:
    kustomization = yaml.safe_load((FOLDER / folder / "kustomization.yaml").read_text())
    return [
        each
        for name in kustomization["resources"]
        for each in yaml.safe_load_all((FOLDER / folder / name).read_text())
    ]


def found(folder: str, kind: str) -> dict[str, Any]:
    [one] = [each for each in objects(folder) if each["kind"] == kind]
    return one


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_field_is_one_of_its_kind(folder: str) -> None:
    for each in objects(folder):
        schema = COMMON | KINDS[each["apiVersion"], each["kind"]]
        assert troubles(each, schema, each["kind"]) == []


def test_a_field_that_is_unknown_missing_or_mistyped_is_found() -> None:
    wrong = found("keda", "ScaledObject")
    schema = COMMON | KINDS["keda.sh/v1alpha1", "ScaledObject"]
    wrong["spec"]["maxReplicas"] = 20
    del wrong["spec"]["scaleTargetRef"]
    wrong["spec"]["triggers"][1]["metadata"]["queueLength"] = 1
    assert troubles(wrong, schema, "it") == [
        "it.spec lacks scaleTargetRef",
        "it.spec has no field maxReplicas",
        "it.spec.triggers.1.metadata.queueLength isn't str",
    ]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_is_used(folder: str) -> None:
    kustomization = yaml.safe_load((FOLDER / folder / "kustomization.yaml").read_text())
    files = {path.name for path in (FOLDER / folder).iterdir()} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == files


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.skipif(not shutil.which("kubectl"), reason="there is no kubectl")
def test_kustomize_renders_it(folder: str) -> None:
    done = subprocess.run(
        ["kubectl", "kustomize", str(FOLDER / folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rendered = list(yaml.safe_load_all(done.stdout))
    assert len(rendered) == len(objects(folder))
    assert "image: impasto/" not in done.stdout


def test_replicas_are_scaled_by_queues_that_there_are() -> None:
    scaled, deployment = found("keda", "ScaledObject"), found("keda", "Deployment")
    assert scaled["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    queues = [trigger["metadata"]["queueName"] for trigger in scaled["spec"]["triggers"]]
    assert queues == ["chunks", "lessons"]
    assert set(queues) <= set(QUEUES)
    login = found("keda", "TriggerAuthentication")["metadata"]["name"]
    assert {t["authenticationRef"]["name"] for t in scaled["spec"]["triggers"]} == {login}


def test_a_worker_has_the_time_that_it_is_promised() -> None:
    pod = found("keda", "Deployment")["spec"]["template"]["spec"]
    [container] = pod["containers"]
    environment = {each["name"]: each["value"] for each in container["env"]}
    drain = float(environment["IMPASTO_DRAIN_SECONDS"])
    assert pod["terminationGracePeriodSeconds"] > drain
    assert pod["serviceAccountName"] == found("keda", "ServiceAccount")["metadata"]["name"]
    assert environment["IMPASTO_IDLE_EXIT_SECONDS"] == ""
    for probe, page in (("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        asked = container[probe]["httpGet"]
        assert asked == {"path": page, "port": int(environment["IMPASTO_HEALTH_PORT"])}


def test_there_is_no_key_in_it() -> None:
    for path in FOLDER.rglob("*.yaml"):
        assert "AccountKey" not in path.read_text()
        assert "CONNECTION" not in path.read_text()
    assert found("ray", "RayCluster")["spec"]["authOptions"] == {"mode": "token"}
