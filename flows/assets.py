"""The names that the warehouse's tables have among Prefect's assets; prefect-dbt gives its own the same."""

from sqlalchemy import make_url

from flows.prefect_door import served, tell_event
from warehouse.connection import warehouse_url

MATERIALIZED = "prefect.asset.materialization.succeeded"


def table(schema: str, name: str) -> str:
    """The asset of a table or view."""
    return f"postgres://{make_url(warehouse_url()).database}/{schema}/{name}"


def made(asset: str, *upstream: str, by: str = "sluice", **said: str | int | None) -> None:
    """Tell Prefect that an asset is new, and out of which ones it was made."""
    if not served():
        return
    sources = [{"prefect.resource.id": each, "prefect.resource.role": "asset"} for each in upstream]
    maker = {"prefect.resource.id": by, "prefect.resource.role": "asset-materialized-by"}
    for each in upstream:
        tell_event("prefect.asset.referenced", each)
    tell_event(MATERIALIZED, asset, related=[*sources, maker], **said)
