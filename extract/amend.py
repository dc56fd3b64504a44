"""Amendments: what a feed's declaration makes of cells before they are mapped; the macro `amended` carries it out."""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from warehouse.errors import SluiceError

if TYPE_CHECKING:
    from extract.feeds import Feed


class Concat(BaseModel):
    """Cells of a row, those that hold something, as one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[str, ...] = Field(min_length=1)
    separator: str = " "


class Amended(BaseModel):
    """What a column may say of the cell that a file leaves empty, or does not have at all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    concat: Concat | None = None
    default_from: str | None = Field(default=None, min_length=1, description="Where it is empty: another column's.")
    default: str | None = Field(default=None, min_length=1, description="Where it is still empty: this.")

    @model_validator(mode="before")
    @classmethod
    def text_only(cls, says: Any) -> Any:
        default = says.get("default") if isinstance(says, dict) else None
        if default is not None and not isinstance(default, str):
            raise ValueError(f"default: {default!r} is no text for YAML; put it in quotes, as it would stand in a file")
        return says

    @property
    def others(self) -> tuple[str, ...]:
        """The columns that it is made of."""
        return (*(self.concat.columns if self.concat else ()), *([self.default_from] if self.default_from else []))


class AmendError(SluiceError):
    """An amendment that names what is not there."""


def refuse_unknown(place: str, feed: "Feed") -> None:
    """Raise AmendError for an amendment that names a column which the feed has not, or itself as its default."""
    names = {column.name for column in feed.columns}
    for column in feed.columns:
        for other in column.others:
            if other not in names:
                raise AmendError(
                    f"{place}.columns.{column.name}.config.meta: the feed has no column {other!r}; it has"
                    f" {', '.join(sorted(names))}."
                )
        if column.default_from == column.name:
            raise AmendError(f"{place}.columns.{column.name}.config.meta.default_from: that is the column itself.")


def steps(feed: "Feed") -> list[dict[str, Any]]:
    """What is done to a feed's cells, in the order in which it is done, each step on what those before it made:
    where a cell comes from (concatenations, then values of other columns), its patches, and what it is where it is
    still empty (defaults)."""
    columns = feed.columns
    done: list[dict[str, Any]] = [
        *(
            {"kind": "concat", "column": c.name, "columns": list(c.concat.columns), "separator": c.concat.separator}
            for c in columns
            if c.concat
        ),
        *(
            {
                "kind": "default_from",
                "column": c.name,
                "from": c.default_from,
                "why": f"Taken from {c.default_from}.",
            }
            for c in columns
            if c.default_from
        ),
        *(
            {"kind": "patched", "column": p.column, "pattern": p.pattern, "replacement": p.replacement, "why": p.why}
            for p in feed.patches
        ),
        *(
            {"kind": "default", "column": c.name, "value": c.default, "why": "The feed's declaration says so."}
            for c in columns
            if c.default
        ),
    ]
    return [{"number": number, **step} for number, step in enumerate(done, 1)]


def told(feed: "Feed") -> dict[str, Any] | None:
    """What dbt is told of a feed's amendments, and of the records that it skips; None where it has neither."""
    done = steps(feed)
    if not done and not feed.skip:
        return None
    classes = {column.name: column.pii for column in feed.columns}
    return {
        "columns": list(classes),
        "steps": [{**step, "pii": classes[step["column"]]} for step in done],
        "skip": [skip.model_dump() for skip in feed.skip],
    }


def amends_shapes(feed: "Feed") -> bool:
    """Whether a cell that shapes are read from is amended."""
    amended = {step["column"] for step in steps(feed)}
    shapes = {name for c in feed.columns if c.geometry for name in (c.name, c.geometry.y)}
    return bool(amended & shapes)
