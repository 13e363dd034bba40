"""What the web service may do in storage: what a person does by it."""

from shared.rights import SWEEPING, Rights, merged
from shared.storage import LANES, POISON, QUEUES
from shared.workloads import installed

WORKLOADS = installed().values()
#: Workloads whose jobs begin with a file, which the page takes, gives back and deletes.
OF_FILES = [each for each in WORKLOADS if each.announces_blobs]
LESSONS = [each.lessons for each in WORKLOADS if each.lessons]

#: To show everything. Of outputs of windows of time the workload's own pages show what they want.
SEEING = Rights(
    {each.output: "list read" for each in WORKLOADS if not each.announces_blobs}
    | {name: "read" for each in OF_FILES for name in (each.input, each.output)}
    | dict.fromkeys((*LESSONS, "jobs", "logs", "models", "scored", "segments"), "list read"),
    {name: "count peek" for queue in QUEUES for name in (queue, queue + POISON)},
    "sign",
)
#: To drop files, and to announce them.
DROPPING = Rights(
    dict.fromkeys((*(each.input for each in OF_FILES), *LESSONS, "jobs"), "write"),
    dict.fromkeys((*LANES, "lessons"), "send"),
)
#: To cancel, retry and delete jobs, and to settle poison.
OPERATING = Rights(
    {name: "delete" for each in OF_FILES for name in (each.input, each.output)}
    | dict.fromkeys((*LESSONS, "jobs"), "delete")
    | {"logs": "write delete"},
    dict.fromkeys(QUEUES, "send") | {queue + POISON: "receive" for queue in QUEUES},
)
RIGHTS = merged([SEEING, DROPPING, OPERATING, SWEEPING])
