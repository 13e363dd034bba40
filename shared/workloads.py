"""The installed workloads, by entry point."""

from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points

from shared.errors import Misconfigured, Reject
from shared.workload import Workload

GROUP = "impasto.workloads"


@cache
def installed() -> dict[str, Workload]:
    """All workloads by name. Raises Misconfigured if two share a name or an input."""
    found: dict[str, Workload] = {}
    inputs: dict[str, str] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        workload: Workload = point.load()
        if found.setdefault(workload.name, workload) is not workload:
            raise Misconfigured(f"two installed workloads are called {workload.name}")
        for container in filter(None, (workload.input, workload.lessons)):
            if inputs.setdefault(container, workload.name) != workload.name:
                raise Misconfigured(
                    f"the workloads {inputs[container]} and {workload.name}"
                    f" both take their input from {container}"
                )
    return found


def workload_called(name: str) -> Workload:
    """Raises Reject if it isn't installed here."""
    try:
        return installed()[name]
    except KeyError:
        raise Reject(f"the workload {name} isn't installed") from None


def workload_of_input(container: str) -> Workload | None:
    return next((w for w in installed().values() if w.input == container), None)


def workload_of_lessons(container: str) -> Workload | None:
    return next((w for w in installed().values() if w.lessons == container), None)


def inputs() -> list[str]:
    return [workload.input for workload in installed().values()]


def outputs() -> list[str]:
    return [workload.output for workload in installed().values()]


def lessons() -> list[str]:
    return [w.lessons for w in installed().values() if w.lessons is not None]


def watched() -> Iterator[str]:
    """The containers whose new blobs are announced."""
    yield from (w.input for w in installed().values() if w.announces_blobs)
    yield from lessons()


def media_containers() -> list[str]:
    """The containers of the account `media`."""
    return list(dict.fromkeys([*inputs(), *lessons(), *outputs()]))
