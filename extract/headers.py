"""Names of columns and the days on which they are in use."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field, model_validator


class DatedHeader(BaseModel):
    """A header name that a column has from a day on, until just before another: vendors rename, and reuse names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    since: date | None = Field(default=None, alias="from")
    until: date | None = None

    @model_validator(mode="after")
    def _some_days(self) -> "DatedHeader":
        if self.since and self.until and self.since >= self.until:
            raise ValueError(f"{self.name!r} is valid on no day: `until` ({self.until}) is not after `from`")
        return self

    def holds(self, day: date) -> bool:
        """Whether files of a day use the name."""
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)

    def meets(self, other: "DatedHeader") -> bool:
        """Whether there are days on which both names are in use."""
        latest = max(self.since or date.min, other.since or date.min)
        return latest < min(self.until or date.max, other.until or date.max)

    def told(self) -> str:
        """The name and its days, for a person."""
        days = [f"from {self.since} on"] if self.since else []
        return " ".join([repr(self.name), *days, *([f"until just before {self.until}"] if self.until else [])])
