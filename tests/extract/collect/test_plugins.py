"""Plugins: a way of arrival that somebody else has written, installed beside Sluice."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from collect_server import CSV

from extract.collect import ways
from extract.feeds import FeedError, catalogue

PLUGIN = Path(__file__).with_name("a_plugin.py")


@pytest.fixture
def installed(tmp_path: Path) -> Iterator[None]:
    """The example as pip installs it: a module and its dist-info."""
    site = tmp_path / "site"
    info = site / "sluice_pigeon-1.0.dist-info"
    info.mkdir(parents=True)
    shutil.copy(PLUGIN, site / "sluice_pigeon.py")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sluice-pigeon\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[sluice.collect]\npigeon = sluice_pigeon:Pigeon\ndrop = nowhere:Drop\n")
    sys.path.insert(0, str(site))
    ways.plugins.cache_clear()
    yield
    sys.path.remove(str(site))
    sys.modules.pop("sluice_pigeon", None)
    ways.plugins.cache_clear()


def test_a_plugin_brings_deliveries(things: Any, installed: None, tmp_path: Path) -> None:
    loft = tmp_path / "loft"
    loft.mkdir()
    (loft / "monday.csv").write_bytes(CSV)
    things.declare({"pigeon": {"loft": str(loft)}})
    assert things.collect().problems == []
    assert things.deliveries("name, state") == [("monday.csv", "staged")]
    (loft / "tuesday.csv").write_bytes(b"")
    assert "came back without a letter" in things.collect().problems[0]
    assert things.fetches("way, source, outcome, delivery_id") == [
        ("pigeon", "pigeon:monday.csv", "new", 1),
        ("pigeon", "pigeon:monday.csv", "unchanged", 1),
        ("pigeon", "pigeon:tuesday.csv", "refused", None),
    ]


def test_its_declaration_is_checked(things: Any, installed: None) -> None:
    things.declare({"pigeon": {"attic": "x"}})
    with pytest.raises(FeedError, match=r"_acme\.yml: .*arrives: .*pigeon\.(loft|attic)"):
        catalogue()


def test_a_way_that_is_not_there_is_told_with_those_that_are(things: Any, installed: None) -> None:
    things.declare({"carrier": {"x": 1}})
    with pytest.raises(FeedError, match=r"no way of arrival 'carrier'; there are drop, gather, http, .*, pigeon"):
        catalogue()


@pytest.mark.parametrize("says", [{}, {"drop": "acme/*.csv", "http": {"url": "https://x.example/"}}])
def test_a_feed_comes_in_one_way(says: dict[str, Any], things: Any) -> None:
    things.declare(says)
    with pytest.raises(FeedError, match="say exactly one of drop, gather, http, sheet, api, listing"):
        catalogue()
