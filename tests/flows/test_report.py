"""The report: static pages, looked at in a real browser."""

import pytest
import samples
from browser import browser, opened
from command import sluice
from conftest import forget_settings
from workbench import things


def pages(folder):
    return sorted(folder.glob("*.html"))


@pytest.fixture(scope="module")
def written(install):
    """The report on all vendors' samples; gives its folder."""
    home = samples.loaded(install).home
    result = sluice("report")
    assert result.exit_code == 0, result.output
    yield home / "report"
    forget_settings()


def test_a_page_for_each_entity_and_an_index(written):
    from extract.feeds import catalogue

    assert {page.stem for page in pages(written)} == {"index", *catalogue().entities}
    provider = (written / "provider.html").read_text()
    for told in (
        "texas.licences",
        "Texas licensing data desk",
        "zip_invalid",
        "licences-2026-01-07.csv",
        "quarantined",
    ):
        assert told in provider


def text_of(file, encoding):
    """A sample as it is meant: what is not UTF-8, and of which nothing is declared, came from a Windows desk."""
    try:
        return file.read_text(encoding=encoding or "utf-8")
    except UnicodeDecodeError:
        return file.read_text(encoding="cp1252")


def test_nothing_personal_is_on_it(written, install):
    """No value of a personal column of any sample stands on any page."""
    from extract.feeds import catalogue

    shown = "".join(page.read_text() for page in pages(written)).casefold()
    values = set()
    import csv

    for feed in catalogue().feeds.values():
        personal = {name.casefold() for c in feed.columns if c.pii != "none" for name in c.headers}
        for file in (file for file in samples.of(feed) if file.suffix == ".csv"):
            for row in csv.DictReader(text_of(file, feed.format.encoding).splitlines()):
                values |= {
                    v.casefold() for k, v in row.items() if k and k.casefold() in personal and isinstance(v, str)
                }
    assert len(values) > 50
    assert not [value for value in values if len(value) > 6 and value in shown]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_in_a_browser(written, width, dark):
    with browser() as chromium:
        for file in pages(written):
            with opened(chromium, file, width=width, dark=dark) as (page, seen):
                for summary in page.query_selector_all("summary"):
                    summary.click()
                assert seen.complaints == []
                assert [url for url in seen.requests if url != file.as_uri() and not url.startswith("data:")] == []
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, f"{file.name} is {wide} wide"
                assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
                    "rgb(15, 21, 28)" if dark else "rgb(245, 246, 248)"
                )


def test_links_lead_on(written):
    with browser() as chromium, opened(chromium, written / "index.html", width=1280) as (page, _):
        page.click("text=Provider")
        assert page.inner_text("h1") == "Provider"
        page.click("text=All entities")
        assert page.inner_text("h1") == "Data quality"


def test_before_anything_has_arrived(small):
    result = sluice("report")
    assert result.exit_code == 0, result.output
    page = (small.home / "report" / "thing.html").read_text()
    for told in ("Nothing is published yet", "No file has arrived yet", "No rule was broken", "No run was checked yet"):
        assert told in page


def test_long_names_stay_inside(small):
    name = "things-2026-01-01-" + "a_very_long_name_without_any_place_to_break_" * 4 + ".csv"
    content = "Region,Code,Size,Note,Keeper\nnorth,a,1,,\nnorth,b,x,,\n"
    small.deliver("acme.things", small.file(name, content))
    things(small, 2, "north,a,1,,", "north,<script>alert(1)</script>,y,,")
    small.run()
    assert sluice("report").exit_code == 0
    file = small.home / "report" / "thing.html"
    assert "<script>" not in file.read_text()
    with browser() as chromium, opened(chromium, file, width=375) as (page, seen):
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
        assert seen.complaints == []
