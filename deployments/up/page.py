"""The page that links what runs; run as a module, it writes the pages that it links."""

import os
import shutil
from html import escape
from pathlib import Path

from warehouse.settings import settings

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice</title>
<style>
  :root {{ color-scheme: light dark; --quiet: light-dark(#56616d, #9aa5b1); --link: light-dark(#0b5cad, #7db7f0) }}
  body {{ font: 17px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 4rem auto; padding: 0 1rem;
    color: light-dark(#1c2530, #e6eaee); background: light-dark(#fff, #16191d) }}
  h1 {{ font-weight: 600; margin-bottom: .2rem }}
  a {{ color: var(--link); text-decoration: none; font-weight: 600 }} a:hover {{ text-decoration: underline }}
  dl {{ margin: 2rem 0 }} dt {{ margin-top: 1.1rem }} dd {{ margin: 0; color: var(--quiet) }}
  pre {{ background: light-dark(#f3f5f7, #22272e); padding: .8rem 1rem; border-radius: 6px; font-size: 14px;
    white-space: pre-wrap; overflow-wrap: anywhere }}
</style>
<h1>Sluice</h1>
<p>What runs on this machine.</p>
<dl>
{links}
</dl>
{tail}
</html>
"""
WAITING = "<!doctype html><meta charset='utf-8'><title>Sluice</title><p>This page is being written; look again soon."


def write(folder: Path, links: dict[str, tuple[str, str]], commands: list[str]) -> None:
    """Write the page: of each link its name, address and what one finds there; and commands to try."""
    rows = "\n".join(
        f'<dt><a href="{escape(address)}">{escape(name)}</a></dt>\n<dd>{escape(told)}</dd>'
        for name, (address, told) in links.items()
    )
    tail = f"<p>To try:</p>\n<pre>{escape(chr(10).join(commands))}</pre>" if commands else ""
    (folder / "index.html").write_text(PAGE.format(links=rows, tail=tail), encoding="utf-8")
    if not (folder / "report").exists():
        (folder / "report").symlink_to(os.path.relpath(settings().folder("report"), folder))
    (folder / "docs").mkdir(exist_ok=True)
    for linked in (folder / "docs" / "index.html", folder / "report" / "index.html"):
        if not linked.exists():
            linked.write_text(WAITING, encoding="utf-8")


def write_linked() -> None:
    """Write the pages about quality, then build the warehouse's documentation and put it beside the page."""
    from flows.docs import build
    from flows.quality import write as write_report
    from warehouse.migrate import migrate

    migrate()
    write_report()
    target = settings().folder("pages") / "docs" / "index.html"
    aside = target.with_suffix(".new")
    shutil.copyfile(build(), aside)
    aside.replace(target)


if __name__ == "__main__":
    write_linked()
