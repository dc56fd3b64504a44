"""What goes into Prefect's database and logs says what went wrong, and no cell of any row."""

import logging
from typing import Any

from flows.telling import in_a_paragraph
from warehouse.errors import SluiceError, without_values
from warehouse.transient import is_transient


class Told(SluiceError):
    """An error as Prefect may keep it. `transient`: whether it may go by itself."""

    def __init__(self, error: Exception) -> None:
        super().__init__(without_values(in_a_paragraph(error)))
        self.transient = is_transient(error)


class WithoutValues(logging.Filter):
    """Takes quoted rows out of every record, tracebacks included: of those the error's own line is told."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; nothing is withheld."""
        record.msg, record.args = without_values(record.getMessage()), ()
        if record.exc_info and record.exc_info[1] is not None:
            record.msg += f" {_where(record.exc_info[1])}"
            record.exc_info = record.exc_text = None
        return True


def _where(error: BaseException) -> str:
    told = without_values(in_a_paragraph(error)) if isinstance(error, Exception) else type(error).__name__
    frame: Any = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f" ({frame.tb_frame.f_code.co_filename}:{frame.tb_lineno})" if frame else ""
    return f"{told}{place}"


def keep_values_out() -> None:
    """Let the loggers whose records go to Prefect's server tell no values; a second call changes nothing."""
    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logger = logging.getLogger(name)
        if not any(isinstance(known, WithoutValues) for known in logger.filters):
            logger.addFilter(WithoutValues())
