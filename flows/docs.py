"""The documentation of the warehouse as one static page, made by dbt from the project's descriptions."""

from pathlib import Path

from flows import dbt
from flows.run import prepare
from warehouse.settings import settings


def build() -> Path:
    """Write `docs/index.html` in the home; gives its path."""
    prepare()
    dbt.invoke("docs", "generate", "--static")
    page = settings().folder("docs") / "index.html"
    (settings().folder("dbt") / "target" / "static_index.html").replace(page)
    return page
