"""The operator's commands, which live in the room above this one: `deployments` knows flows, and not the other way
round, so they are found by their name."""

from importlib import import_module
from typing import Any

OPERATE_COMMANDS: tuple[Any, ...] = import_module("deployments.commands").COMMANDS
