"""What dbt does in each invocation, and need not: a third of its time."""

from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from typing import Any


def spare() -> None:
    """Spare dbt its searches, its detours and its dates for as long as this process lives. A dbt that has them
    elsewhere goes its own way."""
    for sparing in (_searches, _messages, _testers):
        with suppress(ImportError, AttributeError):
            sparing()


def _searches() -> None:
    """For each flag of its adapter dbt looks at all frames of the stack, and at all modules of the process, to name who
    asks in a warning that we do not show: a tenth of a second of each invocation, and two below pytest. For plugins it
    looks through all that is installed: 0.03 s; once in a process is enough."""
    from dbt.plugins import manager
    from dbt_common.behavior_flags import BehaviorFlagRendered

    BehaviorFlagRendered._default_source = staticmethod(lambda: "dbt")  # type: ignore[method-assign]
    manager.PluginManager.get_prefixed_modules = staticmethod(manager._get_dbt_modules)  # type: ignore[method-assign]


def _messages() -> None:
    """A line of dbt's log is two messages, each told field by field as if it were JSON. Told at once they take 0.05 s
    less of an invocation's 0.37; where a message will not have that, dbt's own way goes on."""
    from dbt_common.events import base_types

    base_types.ParseDict = message  # type: ignore[attr-defined]


def message(told: dict[str, Any], empty: Any) -> Any:
    """As ParseDict gives it: the message of `empty`'s kind with these fields."""
    from google.protobuf.json_format import ParseDict
    from google.protobuf.timestamp_pb2 import Timestamp

    try:
        info = told.get("info")
        if isinstance(info, dict) and "ts" in info:
            at = Timestamp()
            at.FromJsonString(info["ts"])
            return type(empty)(**told | {"info": info | {"ts": at}})
        return type(empty)(**told)
    except (AttributeError, TypeError, ValueError):  # a time that is text, say
        return ParseDict(told, empty)


def _testers() -> None:
    """Each result that a macro reads is tried for types, and for those dbt compiles the names of the months and days
    anew: 0.03 s of an invocation. What it tries is the same for all results of the same columns."""
    from dbt_common.clients import agate_helper

    if hasattr(agate_helper.build_type_tester, "kept"):
        return
    kept = lru_cache(agate_helper.build_type_tester)

    def build(text_columns: Iterable[str], string_null_values: Any = ("null", "")) -> Any:
        return kept(tuple(text_columns), tuple(string_null_values or ()))

    build.kept = True  # type: ignore[attr-defined]
    agate_helper.build_type_tester = build
