"""The page that links what runs; run as a module, it builds the documentation that it links."""

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
  body {{ font: 17px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 4rem auto; padding: 0 1rem; color: #1c2530 }}
  h1 {{ font-weight: 600; margin-bottom: .2rem }}
  a {{ color: #0b5cad; text-decoration: none; font-weight: 600 }} a:hover {{ text-decoration: underline }}
  dl {{ margin: 2rem 0 }} dt {{ margin-top: 1.1rem }} dd {{ margin: 0; color: #56616d }}
  pre {{ background: #f3f5f7; padding: .8rem 1rem; border-radius: 6px; white-space: pre-wrap; font-size: 14px }}
</style>
<h1>Sluice</h1>
<p>What runs on this machine.</p>
<dl>
{links}
</dl>
{tail}
</html>
"""
WAITING = (
    "<!doctype html><meta charset='utf-8'><title>Sluice</title><p>The documentation is being built; look again soon."
)


def write(folder: Path, links: dict[str, tuple[str, str]], commands: list[str]) -> None:
    """Write the page: of each link its name, address and what one finds there; and commands to try."""
    rows = "\n".join(
        f'<dt><a href="{escape(address)}">{escape(name)}</a></dt>\n<dd>{escape(told)}</dd>'
        for name, (address, told) in links.items()
    )
    tail = f"<p>To try:</p>\n<pre>{escape(chr(10).join(commands))}</pre>" if commands else ""
    (folder / "index.html").write_text(PAGE.format(links=rows, tail=tail), encoding="utf-8")
    (folder / "docs").mkdir(exist_ok=True)
    if not (folder / "docs" / "index.html").exists():
        (folder / "docs" / "index.html").write_text(WAITING, encoding="utf-8")


def build_docs() -> None:
    """Build the warehouse's documentation and put it beside the page."""
    from flows.docs import build

    target = settings().folder("pages") / "docs" / "index.html"
    aside = target.with_suffix(".new")
    shutil.copyfile(build(), aside)
    aside.replace(target)


if __name__ == "__main__":
    build_docs()
