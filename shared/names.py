"""Names of blobs and ids of jobs. Every name follows from what it names."""

import hashlib
import re
import unicodedata
from datetime import datetime

from shared.errors import Refused

LONGEST_BLOB_NAME = 1024
#: The folder of the records that list jobs by time. No job has this name.
NEWEST = "_newest"
JOB_PATTERN = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"


def job_id(blob: str, etag: str) -> str:
    """The same content of the same blob always has the same id."""
    digest = hashlib.sha256(f"{blob}\0{plain_etag(etag)}".encode("utf-8", "surrogatepass"))
    stem = blob.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    ascii_stem = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_stem.lower())[:32].strip("-")
    return f"{slug or 'job'}-{digest.hexdigest()[:12]}"


def window_job(container: str, window: str) -> str:
    """The id of a job that is named after its window, and not after a blob's content."""
    slug = re.sub(r"[^a-z0-9]+", "-", f"{container}-{window}".lower())
    return slug[:63].strip("-")


def plain_etag(etag: str) -> str:
    """The ETag without quotes: the Storage SDK has them, Event Grid doesn't."""
    return etag.strip('"')


def check_blob_name(name: str) -> str:
    """Return the name; raise Refused if clients may disagree on which blob it means.

    HTTP clients resolve `..`, so `a/../../work/x` would be another blob.
    """
    if not name or len(name) > LONGEST_BLOB_NAME:
        raise Refused(f"a blob's name must have 1 to {LONGEST_BLOB_NAME} characters")
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in name):
        raise Refused(f"the name {shown(name)} has a control character in it")
    if "\\" in name or any(part in ("", ".", "..") for part in name.split("/")):
        raise Refused(f"the name {shown(name)} has an empty, '.' or '..' folder in it")
    return name


def shown(name: str) -> str:
    """The name for people to read, with escapes for characters that aren't ASCII, and shortened."""
    text = ascii(name)
    return text if len(text) <= 120 else f"{text[:100]}...{text[-16:]}"


def job_folder(job: str) -> str:
    return f"{job}/"


def job_record(job: str) -> str:
    return f"{job}/job.json"


def segment_records(job: str) -> str:
    return f"{job}/segments/"


def segment_record(job: str, segment: int) -> str:
    return f"{segment_records(job)}{segment:05}.json"


def chunk_record(job: str, segment: int, chunk: int) -> str:
    return f"{chunk_records(job)}{segment:05}-{chunk:04}.json"


def chunk_records(job: str) -> str:
    return f"{job}/chunks/"


def outcome_record(job: str) -> str:
    return f"{job}/outcome.json"


def arrival_record(job: str) -> str:
    return f"{job}/arrival.json"


def newest_record(job: str, at: datetime) -> str:
    """Listings have these names from the newest job to the oldest."""
    return f"{NEWEST}/{10**13 - int(at.timestamp() * 1000):013}-{job}"


def job_of_newest(record: str) -> str:
    return record.removeprefix(f"{NEWEST}/").split("-", 1)[1]


def segment_folder(job: str, segment: int) -> str:
    return f"{job}/{segment:05}/"


def wait_record(job: str) -> str:
    """It is among the job's shards, and is deleted with them."""
    return f"{job}/waits-for-room"


def shard_blob(job: str, segment: int, shard: int) -> str:
    return f"{segment_folder(job, segment)}{shard:04}.tar"


def lesson_blob(job: str) -> str:
    return f"{job}/lesson"


def top_folder(blob: str) -> str:
    folder, slash, _ = blob.partition("/")
    return folder if slash else ""


def lesson_slot(source: str, number: int) -> str:
    return f"learning/{digest_of(top_folder(source)).hex()[:16]}/{number}"


def digest_of(text: str) -> bytes:
    return hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()


def segment_blob(job: str, segment: int) -> str:
    return f"{job}/{segment:05}"


def segment_of(blob: str) -> int:
    return int(blob.rsplit("/", 1)[1])
