"""What is declared for AWS: its own tool accepts the stack, and what of it a stand-in can make works together."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PROJECT, forget_settings

# The stand-in says of each resource that it cannot make: the docs list them.
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS")
STACK = PROJECT / "deployments" / "aws" / "sluice.yml"
PARAMETERS = {
    "ArrivalsBucketName": "vendors-files",
    "ArchiveBucketName": "kept-files",
    "Vpc": "vpc-1",
    "Subnets": "subnet-1,subnet-2",
    "Image": "example/sluice:1",
    "PrefectApiUrl": "https://prefect.example/api",
    "AlarmAddress": "operators@sluice.example",
    "Compute": "no",
}


def test_the_stack_is_what_cloudformation_takes():
    lint = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([lint, str(STACK)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.fixture
def stack(aws):
    made = [{"ParameterKey": name, "ParameterValue": value} for name, value in PARAMETERS.items()]
    cloudformation = aws("cloudformation")
    cloudformation.create_stack(
        StackName="sluice", TemplateBody=STACK.read_text(), Parameters=made, Capabilities=["CAPABILITY_IAM"]
    )
    [found] = cloudformation.describe_stacks(StackName="sluice")["Stacks"]
    assert found["StackStatus"] == "CREATE_COMPLETE"
    return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}


def test_an_object_in_the_stacks_bucket_becomes_rows(stack, small, aws, monkeypatch):
    from deployments.listen.consumer import Consumer
    from deployments.listen.queue import Queue
    from deployments.listen.work import in_this_process

    monkeypatch.setenv("SLUICE_DROP_FOLDER", stack["DropFolder"])
    monkeypatch.setenv("SLUICE_ARCHIVE_URL", stack["ArchiveUrl"])
    forget_settings()
    _tell_the_queue(aws, stack)
    body = "Region,Code,Size,Note,Keeper\nn,a,1,,\n"
    aws("s3").put_object(Bucket="vendors-files", Key="acme/things-2026-01-01.csv", Body=body)
    queue = Queue(stack["QueueUrl"])
    Consumer(queue, in_this_process).run(until_empty=True)
    assert small.sql("select code, size from published.thing") == [("a", 1)]
    [kept] = aws("s3").list_objects_v2(Bucket="kept-files")["Contents"]
    assert kept["Key"].startswith("sha256/")
    aws("sqs").send_message(QueueUrl=stack["QueueUrl"], MessageBody="poison")
    Consumer(queue, in_this_process).run(until_empty=True)
    assert aws("sqs").receive_message(QueueUrl=stack["DeadLettersUrl"])["Messages"][0]["Body"] == "poison"


def _tell_the_queue(aws, stack):
    """What the stack says of the bucket's notifications: the stand-in takes it by S3's own call only."""
    sqs = aws("sqs")
    arn = sqs.get_queue_attributes(QueueUrl=stack["QueueUrl"], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    told = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    aws("s3").put_bucket_notification_configuration(Bucket="vendors-files", NotificationConfiguration=told)


def test_roles_may_do_what_they_must_and_nothing_else(stack, aws):
    iam = aws("iam")
    allowed = {}
    for role in iam.list_roles()["Roles"]:
        for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"]
            allowed[name] = json.dumps(document)
    assert {"arrivals-are-read", "archive-is-added-to", "queue-is-emptied", "alarms-are-sent"} <= allowed.keys()
    assert "s3:DeleteObject" not in "".join(allowed.values())
    assert "Put" not in allowed["arrivals-are-read"]
    assert not any(f'"{service}:*"' in document for document in allowed.values() for service in ("s3", "sqs", "iam"))


def test_the_pool_on_ecs_holds_no_secret():
    from deployments.aws.pool import template

    names = ["ClusterName", "Image", "TaskRoleArn", "ExecutionRoleArn", "SubnetIds", "SecurityGroup", "ArchiveUrl"]
    outputs = {name: f"the-{name}" for name in [*names, "DropFolder", "AlarmTopicArn", "WarehouseUrlSecret"]}
    made = template(outputs)
    [container] = made["base_job_template"]["job_configuration"]["task_definition"]["containerDefinitions"]
    assert container["readonlyRootFilesystem"]
    assert container["secrets"] == [{"name": "SLUICE_WAREHOUSE_URL", "valueFrom": "the-WarehouseUrlSecret"}]
    assert made["base_job_template"]["variables"]["properties"]["image"]["default"] == "the-Image"


def test_blocks_lead_to_the_buckets(bare_api, small, aws, monkeypatch):
    from prefect_aws import S3Bucket

    from deployments.aws import blocks

    aws("s3").create_bucket(Bucket="arrivals")
    aws("s3").put_object(Bucket="arrivals", Key="in/acme/x.csv", Body=b"a\n")
    monkeypatch.setenv("SLUICE_DROP_FOLDER", "s3://arrivals/in")
    forget_settings()
    assert "block s3-bucket/sluice-arrivals: added" in [str(change) for change in blocks.reconcile()]
    assert blocks.reconcile() == []
    bucket = S3Bucket.load("sluice-arrivals")
    assert bucket.read_path("acme/x.csv") == b"a\n"
    saved = bucket.credentials.model_dump()
    assert saved["aws_secret_access_key"] is None


def test_the_image_is_not_root_and_pins_what_it_installs():
    """Read, not built: there is no Docker here. The docs say so."""
    lines = (PROJECT / "deployments" / "aws" / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")] == ["USER 10001:10001"]
    assert any("--require-hashes" in line for line in lines)
    assert not any(line.startswith(("ENV", "ARG")) and "PASSWORD" in line for line in lines)
    copied = {line.split()[1] for line in lines if line.startswith("COPY") and "--from" not in line}
    assert all((PROJECT / name).exists() for name in copied)
