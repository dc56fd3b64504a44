"""What a run did, in a person's words."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from extract.collect.references import scrubbed
from flows.ingest import Ingested
from flows.merge import Merged
from flows.notify import Notice
from flows.telling import in_a_paragraph
from warehouse.errors import SluiceError


@dataclass
class Report:
    """Files that came in, entities that were merged, what went wrong, and which owners were told."""

    ingested: list[Ingested] = field(default_factory=list)
    merged: list[Merged] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)  # of declarations, and what they concern of what was judged before
    taken: set[str] = field(default_factory=set)  # objects that the ledger knows now

    def tell(self, problem: str | None) -> None:
        """Note a problem, if there is one, once."""
        if problem and problem not in self.problems:
            self.problems.append(problem)

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Note what goes wrong in a block, and go on behind it."""
        try:
            yield
        except Exception as error:
            self.tell(scrubbed(in_a_paragraph(error)))


class RunError(SluiceError):
    """Some of a run did not go well; `report` says what did."""

    def __init__(self, report: Report) -> None:
        super().__init__("\n\n".join(report.problems))
        self.report = report

    def __reduce__(self) -> tuple[type["RunError"], tuple[Report]]:
        """Prefect copies errors between processes."""
        return (RunError, (self.report,))
