"""Automations: each file of deployments/automations/ is one, under its name there, kept equal on the server."""

from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.automations import Automation, AutomationCore
from pydantic import ValidationError

from deployments.change import Change
from warehouse.errors import SluiceError

FOLDER = Path(__file__).parent / "automations"
OWN_TAG = "sluice"


def wanted(deployments: dict[str, UUID], folder: Path = FOLDER) -> list[AutomationCore]:
    """The automations of the files. Where a file says `deployment: NAME`, the server's id of it is put in."""
    return [_load(file, deployments) for file in sorted(folder.glob("*.yml"))]


def _load(file: Path, deployments: dict[str, UUID]) -> AutomationCore:
    try:
        document: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
        for action in document["actions"]:
            if "deployment" in action:
                action.update(source="selected", deployment_id=str(deployments[action.pop("deployment")]))
        return AutomationCore.model_validate({**document, "tags": sorted({*document.get("tags", []), OWN_TAG})})
    except (yaml.YAMLError, ValidationError, KeyError, TypeError) as error:
        raise SluiceError(
            f"{file}: not an automation that can be applied: {error}. See the files beside it."
        ) from error


def reconcile(client: SyncPrefectClient, wanted: list[AutomationCore]) -> list[Change]:
    """Make the server's automations that are ours (their tag) those that are wanted."""
    there = {found.name: found for found in client.read_automations() if OWN_TAG in found.tags}
    changes = []
    for automation in wanted:
        found = there.pop(automation.name, None)
        if found is None:
            client.create_automation(automation)
            changes.append(Change("automation", automation.name, "added"))
        elif _said(found) != _said(automation):
            client.update_automation(found.id, automation)
            changes.append(Change("automation", automation.name, "changed"))
    for found in there.values():
        client.delete_automation(found.id)
        changes.append(Change("automation", found.name, "removed"))
    return changes


def _said(automation: AutomationCore | Automation) -> dict[str, Any]:
    """What is compared: sets stay sets. As JSON they are lists, whose order differs from process to process."""
    return AutomationCore.model_validate(automation.model_dump(mode="json")).model_dump()
