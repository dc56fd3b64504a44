"""Sheets: a published Google Sheet, by the address of its CSV export."""

from extract.collect.declared import Http, Sheet
from extract.collect.http import OverHttp
from extract.collect.way import Ask
from extract.feeds import Feed
from warehouse.settings import settings

PUBLISHED = "2PACX-"  # the ids of `File > Share > Publish to web` begin so


class Sheets(OverHttp):
    """The CSV of one tab. A sheet that is not open to everyone answers with a login page, which is no data."""

    Declaration = Sheet  # type: ignore[assignment]

    @staticmethod
    def dated(how: Sheet) -> bool:  # type: ignore[override]  # noqa: ARG004
        """A sheet is what it is now."""
        return False

    def __init__(self, feed: Feed, how: Sheet, ask: Ask) -> None:
        super().__init__(feed, Http(url=export_url(how), volatile=how.volatile), ask)


def export_url(how: Sheet) -> str:
    """Where Google exports a tab as CSV."""
    base = settings().sheets_url.rstrip("/")
    if how.id.startswith(PUBLISHED):
        return f"{base}/spreadsheets/d/e/{how.id}/pub?gid={how.gid}&single=true&output=csv"
    return f"{base}/spreadsheets/d/{how.id}/export?format=csv&gid={how.gid}"
