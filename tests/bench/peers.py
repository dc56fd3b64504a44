"""dbt snapshot and dlt's scd2 on the benchmark's files, each as its documentation advises."""

import os
import subprocess
import sys
from pathlib import Path

from data import HEADER
from sqlalchemy import make_url, text

from warehouse.connection import transaction, warehouse_url

HERE = Path(__file__).resolve().parent
SNAPSHOT = """
snapshots:
  - name: item_snapshot
    relation: source('peer', 'peer_items')
    config:
      schema: peer
      unique_key: item_code
      strategy: check
      check_cols: all
      hard_deletes: new_record
"""
SOURCE = "sources: [{name: peer, schema: peer, tables: [{name: peer_items}]}]\n"
PROJECT = "name: peer\nversion: '1.0'\nprofile: sluice\nflags: {send_anonymous_usage_stats: false}\n"
SCHEMA_NAME = "{% macro generate_schema_name(name, node) %}{{ name or target.schema }}{% endmacro %}"


class Snapshot:
    """dbt snapshot, strategy check, hard_deletes: new_record; the file is copied into a table before."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "snapshot"
        for name, content in {
            "dbt_project.yml": PROJECT,
            "models/sources.yml": SOURCE,
            "snapshots/item.yml": SNAPSHOT,
            "macros/schema.sql": SCHEMA_NAME,
            "profiles.yml": (home / "project/profiles.yml").read_text(),
        }.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_text(content)
        with transaction() as connection:
            connection.execute(text("drop schema if exists peer cascade"))
            connection.execute(text("create schema peer"))

    def load(self, file: Path) -> None:
        file.chmod(0o644)
        columns = ", ".join(f"{name} text" for name in HEADER.split(","))
        with transaction() as connection:
            connection.execute(text("drop table if exists peer.peer_items"))
            connection.execute(text(f"create unlogged table peer.peer_items ({columns})"))
            connection.execute(text(f"copy peer.peer_items from '{file}' (format csv, header)"))
            connection.execute(text("analyze"))  # its own last snapshot, too

    def merge(self, file: Path) -> None:
        from dbt.cli.main import dbtRunner

        from flows.dbt import _environment

        _environment(None, trial=False)
        where = ["--project-dir", str(self.folder), "--profiles-dir", str(self.folder), "--quiet"]
        done = dbtRunner().invoke(["snapshot", *where])
        if not done.success:
            raise RuntimeError(f"dbt snapshot: {done.exception or done.result}")


class Dlt:
    """dlt in an environment of its own, from tests/bench/peers.lock; its process's start is not counted."""

    def __init__(self, home: Path) -> None:
        self.home, self.python = home, home / "peers/bin/python"
        if not self.python.exists():
            uv = Path(sys.executable).with_name("uv")
            subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, home / "peers"], check=True)
            lock = ["--require-hashes", str(HERE / "peers.lock")]
            subprocess.run([uv, "pip", "sync", "--quiet", "--python", self.python, *lock], check=True)
        with transaction() as connection:
            for schema in ("peer_dlt", "peer_dlt_staging"):
                connection.execute(text(f"drop schema if exists {schema} cascade"))

    def load(self, file: Path) -> None:
        """Nothing: dlt loads and merges in one."""

    def merge(self, file: Path) -> float:
        """Seconds that it took, by its own clock."""
        url = make_url(warehouse_url()).set(drivername="postgresql")
        environment = {
            **os.environ,
            "DESTINATION__POSTGRES__CREDENTIALS": url.render_as_string(hide_password=False),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "PYTHONPATH": "",
        }
        command = [self.python, HERE / "dlt_scd2.py", file, self.home / "dlt"]
        done = subprocess.run(list(map(str, command)), env=environment, check=True, capture_output=True, text=True)
        return float(done.stdout.split()[-1])
