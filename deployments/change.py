"""What bringing a server to its declared state changed, in words."""

from dataclasses import dataclass
from typing import Literal

How = Literal["added", "changed", "paused", "resumed", "removed"]


@dataclass(frozen=True)
class Change:
    """One thing that was not as it is declared, and is now."""

    kind: str  # work pool, deployment, schedule or automation
    name: str
    how: How

    def __str__(self) -> str:
        return f"{self.kind} {self.name}: {self.how}"
