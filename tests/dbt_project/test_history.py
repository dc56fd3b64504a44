"""The fold against a plain reference: whatever comes in, and however it is batched, the versions are the same."""

import os
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from conftest import TEST_PROJECT
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

HEADER = "Region,Code,Size,Note,Keeper\n"
EXAMPLES = int(os.environ.get("DEEP_EXAMPLES", "12"))
DAY_ONE = date(2026, 1, 1)

Key = tuple[str, str]
Row = tuple[str, str, str, str]  # region, code, size, keeper


@dataclass
class Delivery:
    feed: str
    rows: list[Row]
    unreadable: list[Key] = field(default_factory=list)
    run_after: bool = False

    def text(self) -> str:
        lines = [f"{region},{code},{size},,{keeper}" for region, code, size, keeper in self.rows]
        lines += [f"{region},{code}" for region, code in self.unreadable]  # too few cells
        return HEADER + "\n".join(lines) + "\n"


@dataclass
class Version:
    value: tuple[str, str]
    start: date
    end: date | None = None


def reference(deliveries: list[Delivery]) -> tuple[dict, list[dict[str, int]]]:
    """The versions of each (feed, key), and each delivery's account, by walking through deliveries one by one."""
    versions: dict[tuple[str, Key], list[Version]] = {}
    accounts = []
    for number, delivery in enumerate(deliveries):
        day = DAY_ONE + timedelta(days=number)
        good, present, account = judge(delivery)
        for key, value in good.items():
            known = versions.setdefault((delivery.feed, key), [])
            if not known or known[-1].end:
                known.append(Version(value, day))
                account["opened"] += 1
            elif known[-1].value != value:
                known[-1].end = day
                known.append(Version(value, day))
                account["changed"] += 1
            else:
                account["unchanged"] += 1
        for (feed, key), known in versions.items():
            absent = key not in good and key not in present
            if delivery.feed == "things" == feed and absent and not known[-1].end:
                known[-1].end = day
                account["closed"] += 1
        accounts.append(account)
    return versions, accounts


def judge(delivery: Delivery) -> tuple[dict[Key, tuple[str, str]], set[Key], dict[str, int]]:
    """Good values by key, keys that are present though not good, and the account so far."""
    distinct: dict[Row, None] = dict.fromkeys(delivery.rows)
    keys = [row[:2] for row in distinct]
    good, bad = {}, set()
    for region, code, size, keeper in distinct:
        if size in ("1", "2") and keys.count((region, code)) == 1:
            good[region, code] = (size, keeper)
        else:
            bad.add((region, code))
    # A part of a key that occurs in a record that could not be read protects every key that has this part.
    texts = [",".join(key) for key in delivery.unreadable]
    every = [(region, code) for region in "ns" for code in "xyz"]
    protected = {key for key in every if any(part in text for part in key for text in texts)}
    account = {
        "unreadable": len(delivery.unreadable),
        "duplicate": len(delivery.rows) - len(distinct),
        "quarantined": len(distinct) - len(good),
        "opened": 0,
        "changed": 0,
        "unchanged": 0,
        "closed": 0,
    }
    return good, bad | protected, account


keys = st.tuples(st.sampled_from("ns"), st.sampled_from("xyz"))
rows = st.tuples(
    st.sampled_from("ns"),
    st.sampled_from("xyz"),
    st.sampled_from(["1", "2", "1", "2", "-1", "many"]),
    st.sampled_from(["", "ann@example.com"]),
)
deliveries = st.builds(
    Delivery,
    feed=st.sampled_from(["things", "things", "changes"]),
    rows=st.lists(rows, min_size=1, max_size=6),
    unreadable=st.lists(keys, max_size=1),
    run_after=st.booleans(),
)


@given(told=st.lists(deliveries, min_size=1, max_size=6))
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES < 100,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example takes seconds: shrinking would take hours
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@pytest.mark.timeout(3600)
def test_history_equals_the_reference(install, small_project, told):
    sluice = install(small_project, TEST_PROJECT / "checks")
    for number, delivery in enumerate(told):
        day = DAY_ONE + timedelta(days=number)
        file = sluice.file(f"{delivery.feed}-{day}.csv", delivery.text())
        sluice.deliver(f"acme.{delivery.feed}", file)
        if delivery.run_after:
            sluice.run()
    sluice.run()

    versions, accounts = reference(told)
    expected = {
        (f"acme.{feed}", *key, int(v.value[0]), bool(v.value[1]), str(v.start), str(v.end) if v.end else None)
        for (feed, key), known in versions.items()
        for v in known
    }
    found = sluice.sql(
        "select _feed, region, code, size, keeper_token is not null, valid_from::date::text, valid_to::date::text"
        " from history.dim_thing where _superseded_in is null"
    )
    assert len(found) == len(set(found))
    assert set(found) == expected
    for number, account in enumerate(accounts, start=1):
        stored = sluice.account(number)
        assert {name: stored[name] for name in account} == account
        assert stored["read"] == stored["unreadable"] + stored["quarantined"] + stored["good"]


def test_the_database_refuses_what_cannot_be(small):
    small.drop("acme/things-2026-01-01.csv", HEADER + "n,x,1,,\n")
    small.run()
    small.drop("acme/things-2026-01-02.csv", HEADER + "n,x,2,,\n")
    small.run()
    columns = "thing_id, region, code, size, note, keeper, keeper_token, _feed, _fingerprint, _delivery_id, _row_number"
    insert = (
        f"insert into history.dim_thing ({columns}, valid_from, valid_to, _recorded_in) select {columns},"
        " cast(:start as timestamptz), cast(:end as timestamptz), _recorded_in"
        " from history.dim_thing where valid_to is null and _superseded_in is null"
    )
    for start, end in [
        ("2026-02-01", None),  # a second open version
        ("2026-01-01", "2026-01-02"),  # a second one from the same day
        ("2025-12-01", "2026-01-01 12:00"),  # an overlap
        ("2025-12-01", "2025-12-01"),  # an empty range
    ]:
        with pytest.raises(Exception, match=r"one_open_version|one_version_at_a_time|overlap|range_not_empty"):
            small.sql(insert, start=start, end=end)
    small.sql(insert, start="2025-12-01", end="2026-01-01")  # what touches no other is taken


def test_quarantined_and_unreadable_rows_close_nothing(small):
    small.drop("acme/things-2026-01-01.csv", HEADER + "n,x,1,,\nn,y,1,,\ns,z,1,,\n")
    small.run()
    small.drop("acme/things-2026-01-02.csv", HEADER + "n,x,-5,,\ns,z\nn,q,1,,\n")
    small.run()
    still_open = small.sql("select region, code from published.thing order by 1, 2")
    assert still_open == [("n", "q"), ("n", "x"), ("s", "z")]
