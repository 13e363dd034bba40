"""What the SDK documents: supported operations work, unsupported settings are refused by name."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.batchai import models

from tests.integration.batchai.conftest import (
    CLUSTER,
    EXPERIMENT,
    GROUP,
    WORKSPACE,
    LocalBatchAI,
    Model,
    job,
)

AT = (GROUP, WORKSPACE)
ALL = (*AT, EXPERIMENT)
SHARE = models.AzureFileShareReference(
    account_name="a",
    azure_file_url="https://a.file.core.windows.net/s",
    credentials=models.AzureStorageCredentialsInfo(account_key="k"),
    relative_mount_path="s",
)
MOUNTS = models.MountVolumes(azure_file_shares=[SHARE])
SCRIPT: dict[str, Any] = {"python_script_file_path": "train.py"}
IMAGE = models.ImageSourceRegistry(image="ubuntu")
LOGIN = models.PrivateRegistryCredentials(username="u", password="p")
#: Unsupported settings of jobs, by the field that the error must name.
OF_JOB: dict[str, dict[str, Any]] = {
    "nodeCount": {"node_count": 2},
    "mountVolumes": {"mount_volumes": MOUNTS},
    "cntkSettings": {"cntk_settings": models.CNTKsettings()},
    "pyTorchSettings": {"py_torch_settings": models.PyTorchSettings(**SCRIPT)},
    "tensorFlowSettings": {"tensor_flow_settings": models.TensorFlowSettings(**SCRIPT)},
    "caffeSettings": {"caffe_settings": models.CaffeSettings(config_file_path="c")},
    "caffe2Settings": {"caffe2_settings": models.Caffe2Settings(**SCRIPT)},
    "chainerSettings": {"chainer_settings": models.ChainerSettings(**SCRIPT)},
    "customMpiSettings": {"custom_mpi_settings": models.CustomMpiSettings(command_line="true")},
    "horovodSettings": {"horovod_settings": models.HorovodSettings(**SCRIPT)},
    "containerSettings.shmSize": {
        "container_settings": models.ContainerSettings(image_source_registry=IMAGE, shm_size="1g")
    },
    "containerSettings.imageSourceRegistry.serverUrl": {
        "container_settings": models.ContainerSettings(
            image_source_registry=models.ImageSourceRegistry(image="i", server_url="https://r")
        )
    },
    "containerSettings.imageSourceRegistry.credentials": {
        "container_settings": models.ContainerSettings(
            image_source_registry=models.ImageSourceRegistry(image="i", credentials=LOGIN)
        )
    },
}
SETUP = models.SetupTask(command_line="true", std_out_err_path_prefix="$AZ_BATCHAI_MOUNT_ROOT")
OF_CLUSTER = {
    "nodeSetup.setupTask": models.NodeSetup(setup_task=SETUP),
    "nodeSetup.mountVolumes": models.NodeSetup(mount_volumes=MOUNTS),
}


def refused(call: Callable[..., Any], *arguments: object) -> str:
    with pytest.raises(HttpResponseError) as caught:
        answer = call(*arguments)
        list(answer) if hasattr(answer, "__iter__") else answer.result()
    assert caught.value.status_code == 400
    assert caught.value.error and caught.value.error.code == "NotSupported"
    return str(caught.value.error.message)


def test_unsupported_settings_are_refused_by_name(server: LocalBatchAI) -> None:
    server.create_cluster()
    client = server.client
    for field, setting in OF_JOB.items():
        wanted = job(client, "true")
        for name, value in setting.items():
            setattr(wanted, name, value)
        if field in ("cntkSettings", "pyTorchSettings"):
            wanted.custom_toolkit_settings = None
        assert field in refused(client.jobs.begin_create, *ALL, "odd", wanted)
    for field, setup in OF_CLUSTER.items():
        odd = models.ClusterCreateParameters(vm_size="S", node_setup=setup)
        assert field in refused(client.clusters.begin_create, *AT, "odd", odd)
    files = models.FileServerCreateParameters(
        vm_size="S",
        ssh_configuration=models.SshConfiguration(
            user_account_settings=models.UserAccountSettings(admin_user_name="a")
        ),
        data_disks=models.DataDisks(
            disk_size_in_gb=1, disk_count=1, storage_account_type="Standard_LRS"
        ),
    )
    assert "fileServers" in refused(client.file_servers.begin_create, *AT, "odd", files)
    assert "fileServers" in refused(client.file_servers.list_by_workspace, *AT)
    assert "login" in refused(client.clusters.list_remote_login_information, *AT, CLUSTER)
    assert [cluster.name for cluster in listed(client.clusters.list_by_workspace(*AT))] == [CLUSTER]
    assert listed(client.jobs.list_by_experiment(*ALL)) == []


def test_supported_operations_do_what_is_documented(server: LocalBatchAI) -> None:
    client = server.client
    place: Model = client.workspaces.begin_create(
        *AT, models.WorkspaceCreateParameters(location="here", tags={"a": "b"})
    ).result()
    assert (place.name, place.location, place.tags) == (WORKSPACE, "here", {"a": "b"})
    assert client.workspaces.get(*AT).id == place.id
    experiment: Model = client.experiments.begin_create(*ALL).result()
    assert experiment.provisioning_state == "succeeded"
    wanted = models.ClusterCreateParameters(
        vm_size="STANDARD_D2",
        vm_priority="lowpriority",
        scale_settings=models.ScaleSettings(manual=models.ManualScaleSettings(target_node_count=1)),
        user_account_settings=models.UserAccountSettings(
            admin_user_name="me", admin_user_password="hush"
        ),
        subnet=models.ResourceId(id="/a/subnet"),
    )
    made: Model = client.clusters.begin_create(*AT, CLUSTER, wanted).result()
    assert (made.vm_size, made.vm_priority, made.subnet.id) == (
        "STANDARD_D2",
        "lowpriority",
        "/a/subnet",
    )
    assert made.user_account_settings.admin_user_name == "me"
    assert made.user_account_settings.admin_user_password is None
    with pytest.raises(ResourceExistsError):
        client.clusters.begin_create(*AT, CLUSTER, wanted)
    server.submit(
        "job",
        "echo $COLOUR; echo art > $AZ_BATCHAI_OUTPUT_ART/art.txt",
        scheduling_priority="high",
        container_settings=models.ContainerSettings(image_source_registry=IMAGE),
        environment_variables=[models.EnvironmentVariable(name="COLOUR", value="blue")],
        output_directories=[
            models.OutputDirectory(id="ART", path_prefix="$AZ_BATCHAI_MOUNT_ROOT", path_suffix="x")
        ],
        constraints=models.JobBasePropertiesConstraints(max_wall_clock_time=timedelta(hours=1)),
    )
    done = server.wait_for("job", "succeeded")
    assert done.tool_type == "custom"
    assert done.scheduling_priority == "high"
    assert done.container_settings.image_source_registry.image == "ubuntu"
    assert done.constraints.max_wall_clock_time == timedelta(hours=1)
    assert isinstance(done.execution_info.start_time, datetime)
    assert server.output("job") == "blue\n"
    [art] = listed(
        client.jobs.list_output_files(
            *ALL, "job", models.JobsListOutputFilesOptions(outputdirectoryid="ART")
        )
    )
    assert (art.name, art.file_type, art.content_length) == ("art.txt", "file", len("art\n"))
    client.jobs.begin_delete(*ALL, "job").result()
    client.experiments.begin_delete(*ALL).result()
    client.clusters.begin_delete(*AT, CLUSTER).result()
    with pytest.raises(ResourceNotFoundError):
        client.clusters.get(*AT, CLUSTER)
    client.workspaces.begin_delete(*AT).result()
    assert listed(client.workspaces.list()) == []


def listed(pages: object) -> list[Model]:
    assert isinstance(pages, Iterable)
    return list(pages)
