"""The work pool on ECS: prefect-aws's own job template, with what Sluice's stack and image need filled in.

python -m deployments.aws.pool --stack sluice > ecs_pool.json
sluice deploy --pool-template ecs_pool.json
"""

import argparse
import json
import sys
from typing import Any

IMAGE_USER = "10001:10001"


def template(outputs: dict[str, str]) -> dict[str, Any]:
    """Type and base job template of the pool, from the outputs of the stack."""
    from prefect_aws.workers.ecs_worker import ECSWorker

    found: dict[str, Any] = ECSWorker.get_default_base_job_template()
    variables = found["variables"]["properties"]
    defaults = {
        "cluster": outputs["ClusterName"],
        "image": outputs["Image"],
        "family": "sluice-run",
        "launch_type": "FARGATE",
        "cpu": 1024,
        "memory": 4096,
        "task_role_arn": outputs["TaskRoleArn"],
        "execution_role_arn": outputs["ExecutionRoleArn"],
        "configure_cloudwatch_logs": True,
        "cloudwatch_logs_options": {"awslogs-group": "/sluice"},
        "network_configuration": {
            "subnets": outputs["SubnetIds"].split(","),
            "securityGroups": [outputs["SecurityGroup"]],
            "assignPublicIp": "DISABLED",
        },
        "env": {
            "SLUICE_ARCHIVE_URL": outputs["ArchiveUrl"],
            "SLUICE_DROP_FOLDER": outputs["DropFolder"],
            "SLUICE_ALARM_TOPIC": outputs["AlarmTopicArn"],
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        },
    }
    for name, value in defaults.items():
        variables[name]["default"] = value
    definition = found["job_configuration"]["task_definition"]
    definition["volumes"] = [{"name": "data"}, {"name": "tmp"}]
    definition["containerDefinitions"][0] |= {
        "user": IMAGE_USER,
        "readonlyRootFilesystem": True,
        "mountPoints": [
            {"sourceVolume": "data", "containerPath": "/data"},
            {"sourceVolume": "tmp", "containerPath": "/tmp"},  # noqa: S108  (in the container)
        ],
        # The URL holds the password: it reaches the task from Secrets Manager, and stands in no template.
        "secrets": [{"name": "SLUICE_WAREHOUSE_URL", "valueFrom": outputs["WarehouseUrlSecret"]}],
    }
    return {"type": "ecs", "base_job_template": found}


def outputs_of(stack: str) -> dict[str, str]:
    """What the stack gives."""
    from warehouse.aws import client

    [found] = client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stack", default="sluice")
    json.dump(template(outputs_of(parser.parse_args().stack)), sys.stdout, indent=2)
