"""What the web service may do in storage: what a person does by it."""

from shared.rights import SWEEPING, Rights, merged
from shared.storage import LANES, POISON, QUEUES
from shared.workloads import installed, media_containers

#: To show everything.
SEEING = Rights(
    {**dict.fromkeys(media_containers(), "list read"), "jobs": "list read", "logs": "list read"}
    | dict.fromkeys(("models", "scored", "segments", "shards"), "list read"),
    {name: "count peek" for queue in QUEUES for name in (queue, queue + POISON)},
)
#: To drop files, and to announce them.
DROPPING = Rights(
    {w.input: "write" for w in installed().values() if w.announces_blobs} | {"jobs": "write"},
    dict.fromkeys((*LANES, "lessons"), "send"),
)
#: To cancel, retry and delete jobs, and to settle poison.
OPERATING = Rights(
    {**dict.fromkeys(media_containers(), "delete"), "jobs": "delete", "logs": "write delete"},
    dict.fromkeys(QUEUES, "send") | {queue + POISON: "receive" for queue in QUEUES},
)
RIGHTS = merged([SEEING, DROPPING, OPERATING, SWEEPING])
