"""The CPU that earlier attempts at a chunk used in vain, because their process was killed."""

from shared.control.job_lines import JobLines
from shared.control.traces import KeptSpan, trace_from
from shared.messages import ChunkPlanned
from shared.storage import Storage
from shared.telemetry import spans

CPU = "impasto.cpu_seconds"


def lost_cpu(storage: Storage, chunk: ChunkPlanned) -> float:
    """What they had noted until they were killed, less what is counted with a shard's result."""
    current = spans.current()
    trace = trace_from(chunk.job, JobLines(storage, chunk.job).new())
    wanted = {"impasto.segment": chunk.segment, "impasto.chunk": chunk.chunk}
    killed = [
        span
        for span in trace.handlings
        if span.end is None
        and wanted.items() <= span.attributes.items()
        and not (current and current.id == span.id)
    ]
    noted = sum(map(cpu_of, killed))
    counted = sum(cpu_of(part) for span in killed for part in trace.parts_of(span))
    return max(0.0, noted - counted)


def cpu_of(span: KeptSpan) -> float:
    return float(span.attributes.get(CPU, 0))
