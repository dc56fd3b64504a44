"""A server that misbehaves, and the small project whose feed asks it."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from collect_server import CollectServer
from conftest import Sluice, forget_settings

IMPATIENT = {"attempts": 3, "backoff": 0.001, "longest_wait": 5, "connect": 5, "read": 5, "total": 20}


@pytest.fixture
def web() -> Iterator[CollectServer]:
    with CollectServer() as server:
        yield server


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """127.0.0.1 may be asked (and no other address of this machine), without patience."""
    monkeypatch.setenv("SLUICE_ALLOW_ADDRESSES", "127.0.0.1")
    monkeypatch.setenv("SLUICE_FETCHING", json.dumps(IMPATIENT))
    if "SLUICE_HOME" not in os.environ:
        monkeypatch.setenv("SLUICE_HOME", str(tmp_path / "home"))
    forget_settings()
    yield
    forget_settings()


class Collected:
    """The small installation whose feed acme.things comes in some way."""

    def __init__(self, small: Sluice, monkeypatch: pytest.MonkeyPatch) -> None:
        self.small, self.project = small, small.home / "project"
        shutil.copytree(os.environ["SLUICE_DBT_PROJECT"], self.project)
        monkeypatch.setenv("SLUICE_DBT_PROJECT", str(self.project))
        self.file = self.project / "models/staging/acme/_acme.yml"

    def declare(self, arrives: dict[str, Any], **meta: Any) -> None:
        """Let the feed come so; `effective_at: arrival` unless said otherwise."""
        document = yaml.safe_load(self.file.read_text())
        told = document["sources"][0]["tables"][0]["config"]["meta"]
        told.update({"effective_at": "arrival", **meta, "arrives": arrives})
        self.file.write_text(yaml.safe_dump(document, sort_keys=False))
        forget_settings()

    def declare_header(self, name: str) -> None:
        """Another header for the column `code`."""
        document = yaml.safe_load(self.file.read_text())
        document["sources"][0]["tables"][0]["columns"][1]["config"]["meta"]["headers"].append(name)
        self.file.write_text(yaml.safe_dump(document, sort_keys=False))
        forget_settings()

    def collect(self) -> Any:
        """Collect the feed; gives the report, with its problems."""
        from extract.feeds import catalogue
        from flows.collect import collect_feeds
        from flows.report import Report
        from warehouse.migrate import migrate

        migrate()
        report = Report()
        collect_feeds([catalogue().feed("acme.things")], report)
        return report

    def fetches(self, columns: str = "outcome, status, delivery_id") -> list[tuple[Any, ...]]:
        return self.small.sql(f"select {columns} from ledger.fetches order by fetch_id")

    def deliveries(self, columns: str = "name, effective_date::text") -> list[tuple[Any, ...]]:
        return self.small.sql(f"select {columns} from ledger.deliveries order by delivery_id")

    def content(self, delivery_id: int) -> bytes:
        """The archived bytes of a delivery."""
        from extract import archive

        [(sha256, name)] = self.small.sql(
            "select sha256, name from ledger.deliveries where delivery_id = :id", id=delivery_id
        )
        with archive.fetch(sha256, name) as path:
            return path.read_bytes()


@pytest.fixture
def things(small: Sluice, allowed: None, monkeypatch: pytest.MonkeyPatch) -> Collected:
    return Collected(small, monkeypatch)
