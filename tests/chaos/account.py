"""What must hold when everybody has come to rest, whoever was killed and when."""

from itertools import pairwise
from pathlib import Path

from sqlalchemy import text

from warehouse import runs
from warehouse.connection import engine, transaction
from warehouse.scratch import sweep

SECRET = "a-secret-that-is-nowhere-to-be-read"
NONE_OF = {
    "a run is still running": "select run from ledger.runs where state = 'running'",
    "a delivery is not merged": "select delivery_id, state from ledger.deliveries"
    " where state not in ('merged', 'sighted')",
    "a delivery is there twice": "select effective_at from ledger.deliveries group by 1 having count(*) > 1",
    "a run was published twice": "select run from ledger.publications group by 1 having count(*) > 1",
    "a session is idle in a transaction": "select pid from pg_stat_activity where state like 'idle in transaction%'",
    "a lock is held": "select pid from pg_locks where locktype = 'advisory'",
    "a transaction is prepared": "select gid from pg_prepared_xacts",
    "a temporary table is left": "select relname from pg_class where relpersistence = 't'",
    "two versions overlap": "select a.thing_id from history.dim_thing a join history.dim_thing b using (thing_id)"
    " where a._superseded_in is null and b._superseded_in is null and a.valid_from < b.valid_from"
    " and coalesce(a.valid_to, 'infinity') > b.valid_from",
}


def account(sent: dict[int, dict[str, int]], home: Path) -> list[str]:
    """What is wrong, in words."""
    engine().dispose()
    with transaction() as connection:
        wrong = [
            f"{told}: {found}" for told, query in NONE_OF.items() if (found := connection.execute(text(query)).all())
        ]
        unbalanced = runs.unbalanced(connection, "thing")
        if unbalanced:
            wrong.append(f"accounts do not add up: {unbalanced}")
        deliveries = connection.scalar(text("select count(*) from ledger.deliveries"))
        published = dict(connection.execute(text("select code, size from published.thing")).tuples().all())
        versions = connection.scalar(text("select count(*) from published.thing_history"))
    if deliveries != len(sent):
        wrong.append(f"{len(sent)} files were sent, and the ledger has {deliveries}")
    if published != sent[max(sent)]:
        wrong.append(f"published is {published}, and the last day's file says {sent[max(sent)]}")
    if versions != expected_versions(sent):
        wrong.append(f"history has {versions} versions, and the files say {expected_versions(sent)}")
    sweep(older_than=-1)
    if left := list((home / "tmp").iterdir()):
        wrong.append(f"temporary files are left: {left}")
    return wrong + [
        f"a secret stands in {log.name}" for log in home.glob("*.log") if SECRET in log.read_text(errors="replace")
    ]


def expected_versions(sent: dict[int, dict[str, int]]) -> int:
    """How often a thing changed, told from the files alone."""
    in_order = [sent[day] for day in sorted(sent)]
    changes = sum(now[code] != before[code] for before, now in pairwise(in_order) for code in now)
    return len(in_order[0]) + changes
