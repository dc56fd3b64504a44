"""What is told when a flow run ends badly: an event that names the run and no data, for the automations.

Prefect itself sends prefect.flow-run.Failed and the like. These events are for a run that a person should hear of: it
was the outermost, so that a failed merge within a run is told once.
"""

from typing import Any

NAMES = {"on_failure": "failed", "on_crashed": "crashed", "on_cancellation": "cancelled"}


def _told(ending: str) -> Any:
    # Prefect calls a hook with exactly these three.
    def hook(flow: Any, flow_run: Any, state: Any) -> None:
        from flows.prefect_door import tell_event

        if flow_run.parent_task_run_id is None and flow.name not in ("alarm", "approve"):
            tell_event(
                f"sluice.run.{ending}",
                f"sluice.flow-run.{flow_run.id}",
                flow=flow.name,
                name=flow_run.name,
                told=(state.message or "")[:1000],
            )

    hook.__name__ = f"tell_{ending}"
    return hook


ALL: dict[str, Any] = {option: [_told(ending)] for option, ending in NAMES.items()}
