"""Jobs on the local Batch AI, through Azure's SDK."""

import signal
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from azure.mgmt.batchai import models

from tests.integration.batchai.conftest import (
    ALL,
    LOOP,
    LocalBatchAI,
    running,
)
from tests.support.waiting import eventually


def test_a_job_runs_and_succeeds(server: LocalBatchAI) -> None:
    server.create_cluster()
    made: Any = server.submit("hello", "echo hello; echo oh >&2")
    assert made.execution_state in ("queued", "running", "succeeded")
    ended = server.wait_for("hello", "succeeded")
    assert ended.execution_info.exit_code == 0
    assert ended.execution_info.start_time <= ended.execution_info.end_time
    assert not ended.execution_info.errors
    assert server.output("hello") == "hello\n"
    assert server.output("hello", "stderr.txt") == "oh\n"


def test_a_failed_job_has_its_exit_code(server: LocalBatchAI) -> None:
    server.create_cluster()
    server.submit("bad", "echo no such painting >&2; exit 3")
    info = server.wait_for("bad", "failed").execution_info
    assert info.exit_code == 3
    [error] = info.errors
    assert error.message == "the command ended with exit code 3"
    assert server.output("bad", "stderr.txt") == "no such painting\n"


def test_echo_jobs_prints_their_output_in_the_servers_log(server: LocalBatchAI) -> None:
    server.create_cluster()
    server.submit("before", "echo unheard")
    server.wait_for("before", "succeeded")
    server.restart(signal.SIGTERM, IMPASTO_ECHO_JOBS="true")
    server.submit("said", "echo one; echo two >&2; printf three")
    server.submit("quick", "true")
    server.submit("long", "echo begun; sleep 600")
    server.wait_for("said", "succeeded")
    eventually(lambda: "said | three" in server.log(), "its last line")
    eventually(lambda: "long | begun" in server.log(), "output while it runs")
    repeated = [line for line in server.log().splitlines() if " | " in line]
    assert sorted(repeated) == ["long | begun", "said | one", "said | three", "said | two"]


def test_a_job_gets_its_variables_secrets_and_directories(
    server: LocalBatchAI, tmp_path: Path
) -> None:
    server.create_cluster()
    server.submit(
        "told",
        'echo "$COLOUR $KEY $AZ_BATCHAI_NUM_GPUS"; echo art > $AZ_BATCHAI_OUTPUT_ART/a.txt;'
        ' echo "$AZ_BATCHAI_INPUT_STYLES"; echo "$IMPASTO_BATCHAI_FOLDER"',
        environment_variables=[models.EnvironmentVariable(name="COLOUR", value="blue")],
        secrets=[models.EnvironmentVariableWithSecretValue(name="KEY", value="hush")],
        input_directories=[models.InputDirectory(id="STYLES", path="$AZ_BATCHAI_MOUNT_ROOT/in")],
        output_directories=[
            models.OutputDirectory(id="ART", path_prefix="$AZ_BATCHAI_MOUNT_ROOT", path_suffix="x")
        ],
    )
    ended = server.wait_for("told", "succeeded", "failed")
    first, inputs, ours = server.output("told").splitlines()
    assert first.startswith("blue hush ")
    assert inputs == str(server.folder.resolve() / "mounts" / "in")
    assert ours == ""
    assert [(secret.name, secret.value) for secret in ended.secrets] == [("KEY", None)]
    options = models.JobsListOutputFilesOptions(outputdirectoryid="ART")
    listed: Any = server.client.jobs.list_output_files(*ALL, "told", options)
    assert [file.name for file in listed] == ["a.txt"]


def test_preparation_runs_first_and_may_fail(server: LocalBatchAI) -> None:
    server.create_cluster()
    prepared = {"job_preparation": models.JobPreparation(command_line="echo ready; exit $CODE")}
    for name, code, state in (("good", "0", "succeeded"), ("bad", "5", "failed")):
        variables = [models.EnvironmentVariable(name="CODE", value=code)]
        server.submit(name, "echo done", environment_variables=variables, **prepared)
        ended = server.wait_for(name, "succeeded", "failed")
        assert ended.execution_state == state
        assert server.output(name, "stdout-job_prep.txt") == "ready\n"
    [error] = server.job("bad").execution_info.errors
    assert error.code == "JobPreparationFailed"


def test_output_files_are_listed_in_pages_and_have_links(server: LocalBatchAI) -> None:
    server.create_cluster()
    server.submit("two", "echo out; echo err >&2")
    server.wait_for("two", "succeeded")
    options = models.JobsListOutputFilesOptions(outputdirectoryid="stdouterr", max_results=1)
    listed: Any = server.client.jobs.list_output_files(*ALL, "two", options)
    files = {file.name: file for file in listed}
    assert set(files) == {"stdout.txt", "stderr.txt"}
    assert files["stdout.txt"].content_length == len("out\n")
    with urlopen(files["stderr.txt"].download_url) as answer:
        assert answer.read() == b"err\n"


def test_a_terminated_job_ends_with_its_children(server: LocalBatchAI) -> None:
    server.create_cluster()
    server.submit("long", f"trap 'echo asked; exit 3' TERM; sleep 1000 & echo $!; {LOOP}")
    eventually(lambda: server.output("long"), "it to run")
    server.client.jobs.begin_terminate(*ALL, "long").result()
    ended = server.job("long")
    assert ended.execution_state == "failed"
    assert ended.execution_info.errors[0].code == "JobTerminated"
    pid, asked = server.output("long").split()
    assert asked == "asked"
    eventually(lambda: not running(int(pid)), "its child to be gone")


def test_a_terminated_job_that_ends_with_0_has_succeeded(server: LocalBatchAI) -> None:
    server.create_cluster()
    server.submit(
        "polite", "trap 'echo bye; exit 0' TERM; echo hi; while true; do sleep 0.05; done"
    )
    eventually(lambda: server.output("polite"), "it to run")
    server.client.jobs.begin_terminate(*ALL, "polite").result()
    ended = server.job("polite")
    assert (ended.execution_state, ended.execution_info.exit_code) == ("succeeded", 0)
    assert not ended.execution_info.errors
    assert server.output("polite") == "hi\nbye\n"


def test_a_child_of_the_shell_may_finish_too(server: LocalBatchAI) -> None:
    server.create_cluster()
    polite = "trap 'sleep 0.3; echo bye; exit' TERM; echo hi; while true; do sleep 0.05; done"
    server.submit("polite", f'sh -c "{polite}"; echo never')
    eventually(lambda: server.output("polite"), "it to run")
    server.client.jobs.begin_terminate(*ALL, "polite").result()
    assert server.output("polite") == "hi\nbye\n"


def test_a_job_that_ignores_sigterm_is_killed(server: LocalBatchAI) -> None:
    server.restart(signal.SIGTERM, IMPASTO_WORKER_GRACE_SECONDS="1")
    server.create_cluster()
    server.submit("stubborn", "trap '' TERM; echo here; while true; do sleep 1; done")
    eventually(lambda: server.output("stubborn"), "it to run")
    server.client.jobs.begin_terminate(*ALL, "stubborn").result()
    assert server.job("stubborn").execution_info.exit_code == 137


def test_a_queued_job_can_be_terminated(server: LocalBatchAI) -> None:
    server.create_cluster(maximum=0)
    made: Any = server.submit("waits", "echo no")
    assert made.execution_state == "queued"
    server.client.jobs.begin_terminate(*ALL, "waits").result()
    assert server.job("waits").execution_state == "failed"


def test_a_job_ends_at_its_time_limit(server: LocalBatchAI) -> None:
    server.create_cluster()
    limit = models.JobBasePropertiesConstraints(max_wall_clock_time=timedelta(seconds=1))
    server.submit("slow", "sleep 1000", constraints=limit)
    ended = server.wait_for("slow", "failed")
    assert ended.constraints.max_wall_clock_time == timedelta(seconds=1)
    [error] = ended.execution_info.errors
    assert error.message == "the job exceeded its time limit of 0:00:01"


def test_jobs_are_listed_and_deleted(server: LocalBatchAI) -> None:
    server.create_cluster()
    server.submit("runs", "sleep 1000")
    server.submit("ends", "true")
    server.wait_for("ends", "succeeded")
    listed: Any = server.client.jobs.list_by_experiment(
        *ALL, models.JobsListByExperimentOptions(max_results=1)
    )
    assert [job.name for job in listed] == ["runs", "ends"]
    for name in ("runs", "ends"):
        server.client.jobs.begin_delete(*ALL, name).result()
    assert list(server.client.jobs.list_by_experiment(*ALL)) == []
