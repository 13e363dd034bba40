"""Writes Prometheus's rules and Grafana's dashboard: `make watch`.

The rules are made from deploy/alerts.json, from which Azure's alerts are made as well.
"""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
ALERTS = FOLDER.parent / "alerts.json"
RULES = FOLDER / "rules.json"  # JSON is YAML
DASHBOARD = FOLDER / "grafana" / "impasto.json"
SEVERITIES = {1: "critical", 2: "warning"}
#: Of each panel: its title, its unit, its query, and the legend of a line.
PANELS = [
    ("Messages by queue", "short", "impasto_queue_messages", "{{queue}}"),
    ("Age of the oldest message", "s", "impasto_queue_oldest_seconds", "{{queue}}"),
    ("Poison", "short", "impasto_poison_messages", "{{queue}}"),
    (
        "Deliveries a minute",
        "short",
        "sum by (queue, outcome) (rate(impasto_messages_total[5m])) * 60",
        "{{queue}} {{outcome}}",
    ),
    (
        "Handling time, 95th percentile",
        "s",
        "histogram_quantile(0.95, sum by (queue, le) (rate(impasto_handling_seconds_bucket[5m])))",
        "{{queue}}",
    ),
    ("Nodes", "short", "impasto_nodes", "{{state}}"),
    (
        "Items a second",
        "short",
        "sum by (stage, device) (rate(impasto_items_total[5m]))",
        "{{stage}} {{device}}",
    ),
    (
        "Seconds an item",
        "s",
        "sum by (stage, device) (rate(impasto_item_seconds_total[5m]))"
        " / sum by (stage, device) (rate(impasto_items_total[5m]))",
        "{{stage}} {{device}}",
    ),
    (
        "From the drop to the first shard, median",
        "s",
        "histogram_quantile(0.5, sum by (le) (rate(impasto_first_shard_seconds_bucket[1h])))",
        "first shard",
    ),
    (
        "From the drop to the output, median",
        "s",
        "histogram_quantile(0.5, sum by (le) (rate(impasto_output_seconds_bucket[1h])))",
        "output",
    ),
    ("Jobs without outcome", "short", "impasto_jobs", "{{state}}"),
    ("Jobs ended an hour", "short", "sum by (state) (increase(impasto_jobs_ended_total[1h]))", ""),
    ("Intermediates", "bytes", "impasto_intermediate_bytes", "{{container}}"),
    (
        "Requests to storage a second",
        "reqps",
        "sum by (operation) (rate(impasto_storage_requests_total[5m]))",
        "{{operation}}",
    ),
    (
        "Refusals and throttles",
        "short",
        "sum by (status)"
        ' (increase(impasto_storage_requests_total{status=~"401|403|429|503"}[15m]))',
        "{{status}}",
    ),
    ("CPU", "short", "rate(impasto_cpu_seconds[5m])", "{{instance}}"),
]


def rules() -> dict[str, Any]:
    """Prometheus's file of rules."""
    alerts = json.loads(ALERTS.read_text())["rules"]
    return {
        "groups": [
            {
                "name": "impasto",
                "rules": [
                    {
                        "alert": alert["name"],
                        "expr": alert["promql"],
                        "for": alert["for"],
                        "labels": {"severity": SEVERITIES[alert["severity"]]},
                        "annotations": {"summary": alert["what"], "description": alert["do"]},
                    }
                    for alert in alerts
                    if "promql" in alert
                ],
            }
        ]
    }


def dashboard() -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "prometheus"}
    return {
        "uid": "impasto",
        "title": "Impasto",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "panels": [
            {
                "id": number + 1,
                "title": title,
                "type": "timeseries",
                "datasource": source,
                "gridPos": {"h": 8, "w": 12, "x": 12 * (number % 2), "y": 8 * (number // 2)},
                "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
                "targets": [
                    {"refId": "A", "datasource": source, "expr": query, "legendFormat": legend}
                ],
            }
            for number, (title, unit, query, legend) in enumerate(PANELS)
        ],
    }


def text_of(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2) + "\n"


if __name__ == "__main__":
    RULES.write_text(text_of(rules()))
    DASHBOARD.write_text(text_of(dashboard()))
