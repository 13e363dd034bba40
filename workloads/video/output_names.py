"""The names of painted videos."""

import hashlib
import re

from shared.names import LONGEST_BLOB_NAME

#: The end of a shortened name, before its suffix.
SHORTENED = re.compile(r"-[0-9a-f]{16}$")


def output_name(source: str, suffix: str) -> str:
    """`a/b.mp4` keeps its name; `a/b.mov` becomes `a/b.mov.painted.mp4`.

    No two sources share an output: names that end like a made one are changed as well, and a
    shortened name ends with a digest.
    """
    ending = f".painted{suffix}"
    if source.lower().endswith(suffix) and not source.endswith(ending):
        return source
    if len(source) + len(ending) <= LONGEST_BLOB_NAME and not SHORTENED.search(source):
        return source + ending
    digest = hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{source[: LONGEST_BLOB_NAME - len(ending) - 17]}-{digest}{ending}"
