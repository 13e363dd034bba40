"""Why a job failed, in words for the person who reads its record."""

from typing import Any

from services.batchai.node import TERMINATED, TIMED_OUT, Ending
from services.batchai.records import Job, Node, Problem


def terminated(why: str) -> Problem:
    return problem("JobTerminated", f"the job was terminated: {why}")


def lost(node: Node) -> Problem:
    return problem("NodeUnusable", f"{node.name} failed with a job on it", node=node.name)


def quota_reached(wanted: int, quota: int) -> Problem:
    return problem(
        "ClusterCoreQuotaReached",
        f"the quota is {quota} nodes for all clusters together, and this one wants {wanted}",
    )


def no_such_image(image: str) -> Problem:
    return problem("FailedStartingContainer", "unable to start docker container", imageName=image)


def not_started(why: str) -> Problem:
    return problem("JobNotStarted", f"the job can't be started: {why}")


def trouble_of(job: Job, ending: Ending | None) -> list[Problem]:
    if ending is None:
        return [problem("NodeLost", "what ran the job was killed before the job had ended")]
    if ending.trouble:
        return [not_started(ending.trouble)]
    if ending.cut == TIMED_OUT:
        limit = job.properties.constraints.max_wall_clock_time
        return [problem("JobTimedOut", f"the job ran longer than its limit of {limit}")]
    if ending.left_well:
        return []
    if ending.cut == TERMINATED:
        return [terminated("its node was told to stop")]
    suffix = "-job_prep" if ending.step == "preparation" else ""
    code = "JobPreparationFailed" if suffix else "JobFailed"
    return [problem(code, f"the {ending.step} ended with exit code {ending.exit_code}")]


def problem(code: str, message: str, **details: Any) -> Problem:
    return {
        "code": code,
        "message": message,
        "details": [{"name": name, "value": value} for name, value in details.items()],
    }
