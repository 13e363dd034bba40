"""Evaluates the part of PromQL that deploy/alerts.json uses, on texts that `/metrics` answered.

Queries are parsed by Prometheus's own grammar (promql-parser), which has no engine. This has:
selectors with matchers, `increase` over the two texts, aggregations without labels, comparisons
with a number, `and on()` and `or`. Anything else is an error.
"""

import operator
import re
from collections.abc import Callable
from typing import Any, TypeAlias

import promql_parser as promql
from prometheus_client.parser import text_string_to_metric_families

#: What the parser makes has no types.
Node: TypeAlias = Any
#: Values by name and labels.
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
}
AGGREGATE: dict[str, Callable[[list[float]], float]] = {"sum": sum, "max": max, "min": min}
MATCH: dict[str, Callable[[str, str], bool]] = {
    "Equal": operator.eq,
    "NotEqual": operator.ne,
    "Re": lambda value, pattern: bool(re.fullmatch(pattern, value)),
    "NotRe": lambda value, pattern: not re.fullmatch(pattern, value),
}


def samples_of(*texts: str) -> Samples:
    """Of all services; the same series of two services are added."""
    found: Samples = {}
    for text in texts:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                found[key] = found.get(key, 0) + sample.value
    return found


def evaluate(query: str, now: Samples, before: Samples) -> list[float]:
    """The values of the query's series; an alert rings if there is one."""
    return value_of(promql.parse(query), now, before)


def value_of(node: Node, now: Samples, before: Samples) -> list[float]:
    match node:
        case promql.ParenExpr():
            return value_of(node.expr, now, before)
        case promql.NumberLiteral():
            return [float(node.val)]
        case promql.VectorSelector():
            return [now[key] for key in now if selected(node, key)]
        case promql.AggregateExpr():
            values = value_of(node.expr, now, before)
            return [AGGREGATE[str(node.op)](values)] if values else []
        case promql.Call() if node.func.name == "increase":
            vector = node.args[0].vector_selector
            return [now[key] - before.get(key, 0) for key in now if selected(vector, key)]
        case promql.BinaryExpr():
            return binary(node, now, before)
    raise NotImplementedError(f"{type(node).__name__} in a query")


def binary(node: Node, now: Samples, before: Samples) -> list[float]:
    left, right = (value_of(side, now, before) for side in (node.lhs, node.rhs))
    operation = str(node.op)
    if operation == "and":
        return left if right else []
    if operation == "or":
        return left or right
    [limit] = right
    return [value for value in left if COMPARE[operation](value, limit)]


def selected(node: Node, key: tuple[str, frozenset[tuple[str, str]]]) -> bool:
    name, labels = key
    told = dict(labels)
    return name == node.name and all(
        MATCH[str(m.op).rpartition(".")[2]](told.get(m.name, ""), m.value)
        for m in node.matchers.matchers
    )
