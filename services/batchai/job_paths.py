"""Paths of a job's files, and the environment variables that tell them to its command."""

import os
import re
import shutil
from pathlib import Path

from services.batchai.resources import BatchJob
from shared.errors import RequestRefused

MOUNT_ROOT = "AZ_BATCHAI_MOUNT_ROOT"
LOGS = "stdouterr"
#: Variables of the server's environment that jobs get; all others stay secret.
INHERITED = re.compile(
    "PATH|HOME|USER|LOGNAME|TMPDIR|TZ|LANG|LANGUAGE|LD_LIBRARY_PATH|VIRTUAL_ENV|LC_.*|PYTHON.*"
    "|CUDA_.*|NVIDIA_.*|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE"
    "|(?i:http_proxy|https_proxy|no_proxy)"
)


class JobPaths:
    """One local folder replaces the file shares that a cluster's nodes would mount."""

    def __init__(self, mounts: Path) -> None:
        self._mounts = mounts.resolve()
        self._mounts.mkdir(mode=0o700, exist_ok=True)

    def logs(self, job: BatchJob) -> Path:
        return self._in_mounts(job.properties.std_out_err_path_prefix) / job.segment / LOGS

    def outputs(self, job: BatchJob) -> dict[str, Path]:
        return {
            out.id: self._in_mounts(f"{out.path_prefix}/{job.segment}/outputs/{out.path_suffix}")
            for out in job.properties.output_directories
        }

    def directory(self, job: BatchJob, directory_id: str) -> Path:
        if directory_id == LOGS:
            return self.logs(job)
        try:
            return self.outputs(job)[directory_id]
        except KeyError:
            raise RequestRefused(
                404, "OutputDirectoryNotFound", f"the job has no output directory {directory_id!r}"
            ) from None

    def create(self, job: BatchJob) -> None:
        for folder in [self.logs(job), *self.outputs(job).values()]:
            folder.mkdir(parents=True, exist_ok=True)

    def remove_logs(self, job: BatchJob) -> None:
        """The output directories stay: they belong to the job's owner."""
        shutil.rmtree(self.logs(job), ignore_errors=True)

    def environment(self, job: BatchJob) -> dict[str, str]:
        properties = job.properties
        return (
            node_environment()
            | {MOUNT_ROOT: str(self._mounts), "AZ_BATCHAI_STDOUTERR_DIR": str(self.logs(job))}
            | {"AZ_BATCHAI_NUM_GPUS": str(len(list(Path("/dev").glob("nvidia[0-9]*"))))}
            | {
                f"AZ_BATCHAI_INPUT_{each.id}": self._expanded(each.path)
                for each in properties.input_directories
            }
            | {f"AZ_BATCHAI_OUTPUT_{key}": str(path) for key, path in self.outputs(job).items()}
            | {v.name: v.value for v in properties.environment_variables + properties.secrets}
        )

    def _in_mounts(self, path: str) -> Path:
        normal = Path(os.path.normpath(self._expanded(path)))
        if not normal.is_relative_to(self._mounts):
            raise RequestRefused(400, "InvalidPath", f"{path!r} isn't under ${MOUNT_ROOT}")
        return normal

    def _expanded(self, path: str) -> str:
        return re.sub(rf"\$(?:{MOUNT_ROOT}\b|{{{MOUNT_ROOT}}})", str(self._mounts), path)


def node_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if INHERITED.fullmatch(name)}
