"""The SDK's models of a cluster and of a job as our own."""

from typing import TYPE_CHECKING, Any

from shared.clusters.state import ClusterJob, ClusterState

if TYPE_CHECKING:
    from azure.mgmt.batchai.models import BatchAIError, Cluster, Job

# The SDK's annotations say None for all that only the service sets, hence Any.


def state_of(cluster: "Cluster") -> ClusterState:
    scale: Any = cluster.scale_settings
    counts: Any = cluster.node_state_counts
    errors: Any = cluster.errors or []
    facts: Any = cluster
    auto, manual = scale.auto_scale, scale.manual
    return ClusterState(
        name=facts.name,
        allocation=facts.allocation_state,
        vm_size=facts.vm_size,
        minimum=auto.minimum_node_count if auto else manual.target_node_count,
        maximum=auto.maximum_node_count if auto else manual.target_node_count,
        nodes=facts.current_node_count,
        idle=counts.idle_node_count,
        running=counts.running_node_count,
        preparing=counts.preparing_node_count,
        leaving=counts.leaving_node_count,
        unusable=counts.unusable_node_count,
        errors=[reason(error) for error in errors],
    )


def job_of(job: "Job") -> ClusterJob:
    facts: Any = job
    info = facts.execution_info
    reasons = [reason(error) for error in info.errors or []] if info else []
    return ClusterJob(
        name=facts.name,
        state=facts.execution_state,
        created=facts.creation_time,
        started=info and info.start_time,
        ended=info and info.end_time,
        exit_code=info and info.exit_code,
        why="; ".join(reasons) or None,
    )


def reason(error: "BatchAIError") -> str:
    facts: Any = error
    details = [f"{detail.name}: {detail.value}" for detail in facts.details or []]
    return "; ".join([facts.message, *details])
