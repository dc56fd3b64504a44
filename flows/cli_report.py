"""The commands that show quality: pages for everybody, reports for owners."""

from typing import Any

import click

from flows.telling import Failed, say, told_plainly


@click.group("report", invoke_without_command=True)
@click.pass_context
def report(context: click.Context) -> None:
    """Write the pages about the quality of the data: an index, and one for each entity."""
    if context.invoked_subcommand is None:
        _write()


@told_plainly
def _write() -> None:
    from flows.quality import write
    from warehouse.migrate import migrate

    migrate()
    say(f"The report is written: {write()}")


@report.command("send")
@click.option("--feed", "feeds", multiple=True, metavar="VENDOR.FEED", help="Only the owner of this feed; repeatable.")
@click.option("--dry-run", is_flag=True, help="Print what would be sent to whom; send nothing.")
@told_plainly
def send(feeds: tuple[str, ...], dry_run: bool) -> None:
    """Tell owners of their bad rows, as often as each feed's `notify` says: by mail, and to an SNS topic."""
    from flows.notify import tell_owners
    from warehouse.errors import SluiceError
    from warehouse.migrate import migrate
    from warehouse.settings import settings

    if not dry_run and settings().smtp_url is None and settings().sns_topic is None:
        raise SluiceError("Nothing to send with: set SLUICE_SMTP_URL, or SLUICE_SNS_TOPIC; --dry-run needs neither.")
    migrate()
    told = tell_owners(feeds, dry_run=dry_run)
    for notice in told:
        tell_notice(notice)
        if notice.text:
            say("\n" + notice.text)
    if any(notice.outcome == "failed" for notice in told):
        raise Failed("Some owners could not be told; they will be at the next time.")


def tell_notice(notice: Any) -> None:
    """A line on what became of a notice."""
    rows = f", {notice.open_rows} open rows" if notice.outcome in ("sent", "would be sent") else ""
    why = f": {notice.problem}" if notice.problem else ""
    say(f"{notice.feed} to {notice.address} ({notice.channel}): {notice.outcome}{rows}{why}")
