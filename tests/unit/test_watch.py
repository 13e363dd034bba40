"""The files of `docker compose --profile watch up`: made from the code's metrics and alerts."""

import json
import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from deploy.watch import __main__ as watch
from services.dispatcher.measures import HELP as MEASURED
from shared.telemetry.metrics import REGISTRY
from shared.telemetry.process import HELP as OF_PROCESS

ROOT = Path(__file__).parents[2]
ALERTS: list[dict[str, Any]] = json.loads((ROOT / "deploy/alerts.json").read_text())["rules"]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
WATCHERS = {n: s for n, s in COMPOSE["services"].items() if s.get("profiles") == ["watch"]}
QUERIES = [alert["promql"] for alert in ALERTS if "promql" in alert]
QUERIES += [query for _, _, query, _ in watch.PANELS]


def known_names() -> set[str]:
    """All series that services may answer."""
    names = {*MEASURED, *OF_PROCESS}
    for name in REGISTRY._names_to_collectors:
        names |= {name} | {f"{name}_{end}" for end in ("total", "bucket", "sum", "count")}
    return names


def test_rules_and_dashboard_are_up_to_date() -> None:
    """`make watch` renews them."""
    assert watch.RULES.read_text() == watch.text_of(watch.rules())
    assert watch.DASHBOARD.read_text() == watch.text_of(watch.dashboard())


@pytest.mark.parametrize("query", QUERIES)
def test_queries_are_promql_and_name_metrics_that_exist(query: str) -> None:
    promql_parser.parse(query)
    names = set(re.findall(r"\bimpasto_\w+", query))
    assert names
    assert names <= known_names()


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["name"])
def test_each_alert_says_what_it_means_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["what"].endswith(".")
    assert alert["do"]
    assert {"promql", "kusto"} & alert.keys()
    assert alert["severity"] in watch.SEVERITIES
    sources = "".join(path.read_text() for path in ROOT.glob("shared/**/*.py"))
    kusto = alert.get("kusto", "")
    for logged in re.findall(r"'([a-z ]+)'", kusto):
        assert f'"{logged}"' in sources, f"no service logs {logged}"
    assert {name.partition(".")[0] for name in re.findall(r"impasto_[\w.]+", kusto)} <= {*MEASURED}


def test_the_files_that_are_mounted_exist_and_are_yaml() -> None:
    mounted = [
        volume.split(":")[0]
        for service in WATCHERS.values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    ]
    assert len(mounted) == 6
    for path in mounted:
        assert yaml.safe_load((ROOT / path).read_text())


def test_prometheus_asks_every_service_of_compose_at_its_port() -> None:
    [dns] = yaml.safe_load((ROOT / "deploy/watch/prometheus.yaml").read_text())["scrape_configs"][
        0
    ]["dns_sd_configs"]
    assert set(dns["names"]) <= COMPOSE["services"].keys()
    assert str(dns["port"]) == COMPOSE["x-storage"]["IMPASTO_HEALTH_PORT"]
    with_loop = {"trigger", "splitter", "dispatcher", "stitcher", "scorer", "scorer-gpu"}
    assert set(dns["names"]) == with_loop


def test_watchers_are_reached_from_this_machine_only() -> None:
    ports = [port for service in WATCHERS.values() for port in service.get("ports", [])]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)
    for service in WATCHERS.values():
        assert service["cap_drop"] == ["ALL"]
        assert not service.get("privileged")
        assert not any("docker.sock" in volume for volume in service.get("volumes", []))


def test_the_collector_gives_what_it_takes_to_the_others() -> None:
    collector = yaml.safe_load((ROOT / "deploy/watch/collector.yaml").read_text())
    for pipeline in collector["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= collector[kind].keys()
    assert collector["exporters"]["otlp/jaeger"]["endpoint"].partition(":")[0] in WATCHERS
    assert collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].endswith(":4318")
