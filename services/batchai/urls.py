"""Templates of the URLs' paths. A resource's id is its path."""

import os
from urllib.parse import quote

PROVIDER = "/providers/Microsoft.BatchAI"
SUBSCRIPTION = "/subscriptions/{subscription}"
LOCATION = f"{SUBSCRIPTION}{PROVIDER}/locations/{{location}}"
GROUP = f"{SUBSCRIPTION}/resourceGroups/{{group}}{PROVIDER}"
WORKSPACE = f"{GROUP}/workspaces/{{workspace}}"
CLUSTER = f"{WORKSPACE}/clusters/{{cluster}}"
EXPERIMENT = f"{WORKSPACE}/experiments/{{experiment}}"
JOB = f"{EXPERIMENT}/jobs/{{job}}"
FILE = f"{JOB}/files/{{directory}}/{{file}}"
OPERATION = f"{LOCATION}/operationresults/{{operation}}"


def quoted_path(template: str, **names: str) -> str:
    quoted = {what: quote(os.fsencode(name), safe="") for what, name in names.items()}
    return template.format_map(quoted)
