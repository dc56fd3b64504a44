"""Notices: owners are told of their bad rows, as often as their feed says. What goes wrong here stops nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from extract.feeds import Feed, Notify, catalogue
from extract.stage import layout
from flows import returns
from flows.prefect_door import step
from flows.telling import in_a_paragraph
from publish import cells, mail, owner_report, quality, sns
from publish.owner_report import Report
from warehouse import ledger, notices
from warehouse.connection import lock, transaction
from warehouse.settings import settings


@dataclass(frozen=True)
class Notice:
    """What became of telling one address. `outcome`: sent, failed, would be sent, or why it was not its time."""

    feed: str
    channel: str
    address: str  # masked
    outcome: str
    open_rows: int
    problem: str | None = None
    text: str = ""


def due(notify: Notify, last: notices.Told | None, digest: bytes, open_rows: int, now: datetime, zone: ZoneInfo) -> str:
    """Empty where an address is to be told now; else why not."""
    if notify.when == "never":
        return "this feed's owner is never told"
    if last is None:
        return "" if open_rows else "nothing is open"
    if not open_rows and not last.open_rows:
        return "nothing is open"
    if notify.only_on_change and last.digest == digest:
        return "nothing has changed since the last notice"
    then, today = last.at.astimezone(zone).date(), now.astimezone(zone).date()
    if notify.when == "daily" and then == today:
        return "told today already"
    if notify.when == "weekly" and then.isocalendar()[:2] == today.isocalendar()[:2]:
        return "told this week already"
    return ""


@step("tell owners")
def tell_owners(feeds: Sequence[str] = (), *, dry_run: bool = False, now: datetime | None = None) -> list[Notice]:
    """Tell the owners of the given feeds, or of all, what there is to mend, where it is time; gives what was done.

    Two processes do it one after the other, so that nobody is told twice.
    """
    chosen = [catalogue().feed(key) for key in feeds] or list(catalogue().feeds.values())
    if dry_run:
        return [notice for feed in chosen for notice in _tell(feed, dry_run=True, now=now or datetime.now(UTC))]
    with lock("notices", wait=True):
        return [notice for feed in chosen for notice in _tell(feed, dry_run=False, now=now or datetime.now(UTC))]


def told_after_a_run(entities: Sequence[str]) -> list[Notice]:
    """What a run does at its end, where mail or a topic is set; whatever is wrong becomes a notice that failed."""
    if settings().smtp_url is None and settings().sns_topic is None:
        return []
    try:
        return tell_owners([feed.key for entity in entities for feed in catalogue().of_entity(entity)])
    except Exception as error:
        return [Notice("", "", "", "failed", 0, in_a_paragraph(error))]


def _tell(feed: Feed, *, dry_run: bool, now: datetime) -> list[Notice]:
    with transaction() as connection:
        if not quality.is_there(connection, feed.entity):
            return []
        digest = quality.signature(connection, feed.entity, feed.key)
        open_rows = quality.open_rows(connection, feed.entity, quality.THEIRS).get(feed.key, 0)
        ways = _ways(feed, dry_run)
        last = {address: notices.last(connection, feed.key, address) for _, address in ways}
    told: list[Notice] = []
    report: Report | None = None
    for channel, address in ways:
        not_now = due(feed.notify, last[address], digest, open_rows, now, feed.zone)
        shown = notices.masked(address)
        if not_now:
            told.append(Notice(feed.key, channel, shown, not_now, open_rows))
            continue
        report = report or report_on(feed)
        if dry_run:
            told.append(Notice(feed.key, channel, shown, "would be sent", report.open, text=report.text()))
            continue
        told.append(_send(feed, channel, address, report))
    return told


def _ways(feed: Feed, dry_run: bool) -> list[tuple[str, str]]:
    """The channel and address of each notice: the owner's own list, and the topic of the installation."""
    mails = [("mail", address) for address in feed.owner.email] if dry_run or settings().smtp_url else []
    topic = settings().sns_topic
    return [*mails, *([("sns", topic)] if topic else [])]


def _send(feed: Feed, channel: str, address: str, report: Report) -> Notice:
    if channel == "sns":
        attributes = {"feed": feed.key, "vendor": feed.vendor, "entity": feed.entity}
        outcome = sns.send(address, report.subject, report.text(), attributes)
    else:
        outcome = _mail(feed, address, report)
    with transaction() as connection:
        notices.record(
            connection, feed.key, channel, address, report.digest, report.open, outcome.attempts, outcome.problem
        )
    state = "failed" if outcome.problem else "sent"
    return Notice(feed.key, channel, notices.masked(address), state, report.open, outcome.problem)


def _mail(feed: Feed, address: str, report: Report) -> mail.Outcome:
    files: tuple[mail.Attachment, ...] = ()
    if feed.notify.attach and report.open:
        path = returns.write(feed.entity, feed, None, None, None, by="notice").path
        subtype = "vnd.openxmlformats-officedocument.spreadsheetml.sheet" if path.suffix == ".xlsx" else "octet-stream"
        files = (mail.Attachment(path.name, path.read_bytes(), subtype),)
        report = replace(report, attached=path.name)
    url = settings().smtp_url
    if url is None:
        return mail.Outcome(0, "SLUICE_SMTP_URL is not set")
    message = mail.message(settings().mail_from, address, report.subject, report.text(), report.html(), files)
    return mail.send(mail.server(url.get_secret_value()), message)


def report_on(feed: Feed) -> Report:
    """The report on a feed, its rules by the names of the vendor's own columns."""
    asked: dict[int, tuple[cells.Cells, dict[str, str]]] = {}

    def headers(delivery_id: int, row: int, column: str) -> list[str]:
        if delivery_id not in asked:
            asked[delivery_id] = columns_of(feed, delivery_id)
        behind, names = asked[delivery_id]
        return [names[cell] for cell in sorted(cells.of_row(behind, row, column, list(names)), key=list(names).index)]

    with transaction() as connection:
        return owner_report.report(connection, feed.entity, feed.key, feed.owner.name, headers)


def columns_of(feed: Feed, delivery_id: int) -> tuple[cells.Cells, dict[str, str]]:
    with transaction() as connection:
        found = ledger.delivery(connection, delivery_id)["found"] or {}
    header = tuple(found.get("header") or (column.headers[0] for column in feed.columns))
    names = {
        name: header_name for header_name, name, declared in layout(feed, header, found.get("mapping")) if declared
    }
    return cells.behind(feed.entity, feed.table, feed.model, delivery_id, list(names)), names
