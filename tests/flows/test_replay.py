"""Replay: rows that a mended rule or mapping finds good come into history as if they had been good at first."""

import os

import pytest
import yaml
from command import refusal, sluice
from conftest import TEST_PROJECT, forget_settings
from workbench import Checks, things


@pytest.fixture
def checks(small, tmp_path, monkeypatch):
    """The contract of things, which a test may change."""
    own = Checks(tmp_path)
    monkeypatch.setenv("SLUICE_CHECKS_FOLDER", str(own.folder))
    forget_settings()
    yield own
    monkeypatch.undo()
    forget_settings()


def allow_from(checks, least):
    """Let sizes begin at another number."""
    contract = yaml.safe_load(checks.contract.read_text())
    contract["columns"][2]["checks"][0]["invalid"]["valid_min"] = least
    checks.contract.write_text(yaml.safe_dump(contract, sort_keys=False))


def versions(sluice):
    return sluice.sql(
        "select code, size, to_char(valid_from, 'DD'), to_char(valid_to, 'DD') from history.dim_thing"
        " where _superseded_in is null order by 1, 3"
    )


def statuses(sluice):
    return sluice.sql("select delivery_id, row_number, status from quarantine.thing order by 1, 2")


def test_a_rule_was_too_strict(small, checks):
    things(small, 1, "north,a,1,,", "north,b,-2,,ann@example.com", "north,c,-30,,", "north,d,x,,")
    things(small, 2, "north,a,1,,", "north,b,-2,,ann@example.com", "north,c,3,,", "north,d,x,,")
    things(small, 3, "north,a,1,,", "north,b,5,,ann@example.com", "north,c,3,,")
    small.run()
    assert versions(small) == [("a", 1, "01", None), ("b", 5, "03", None), ("c", 3, "02", None)]
    allow_from(checks, -10)

    tried = sluice("quarantine", "replay", "thing", "--rule", "size_negative", "--dry-run")
    assert tried.exit_code == 0, tried.output
    result = sluice("quarantine", "replay", "thing", "--delivery", 1, "--why", "sizes may be below zero")
    assert result.exit_code == 0, result.output
    assert versions(small) == [("a", 1, "01", None), ("b", -2, "01", "03"), ("b", 5, "03", None), ("c", 3, "02", None)]
    assert statuses(small)[0] == (1, 2, "replayed")
    assert small.sql("select settled_by is not null, settled_why from quarantine.thing where status = 'replayed'") == [
        (True, "sizes may be below zero")
    ]
    account = small.account(1)
    assert account["good"] == 2
    assert account["quarantined"] == 2
    assert small.sql("select action, deliveries, why from ledger.quarantine_actions") == [
        ("replay", [1], "sizes may be below zero")
    ]
    masked = small.sql("select keeper, keeper_token <> keeper from history.dim_thing where code = 'b' and size = -2")
    assert masked == [("a***@example.com", True)]
    assert small.value("select count(*) from ledger.deliveries where judge_again") == 0


def test_a_trial_changes_nothing(small, checks):
    things(small, 1, "north,a,-1,,", "north,b,x,,", "north,c,3,,")
    small.run()
    allow_from(checks, -10)
    account, rows = small.account(1), statuses(small)
    tried = sluice("quarantine", "replay", "thing", "--dry-run")
    assert "bad rows of delivery 1: 2; of these 1 would be good" in tried.output
    assert "1 would stay bad; 0 rows that are good would be bad" in tried.output
    assert (small.account(1), statuses(small)) == (account, rows)
    assert [merged.run for merged in small.run().merged] == [None]


def test_a_stricter_rule_takes_rows_out_of_history(small, checks):
    things(small, 1, "north,a,1,,", "north,b,20,,", "north,c,x,,")
    things(small, 2, "north,a,1,,", "north,b,30,,")
    small.run()
    allow_from(checks, 25)
    result = sluice("quarantine", "replay", "thing", "--delivery", 1)
    assert result.exit_code == 0, result.output
    assert "2 rows that were good are in quarantine now" in result.output
    assert versions(small) == [("a", 1, "02", None), ("b", 30, "02", None)]


def test_a_mapping_is_mended(small, small_project):
    file = small_project / "models" / "staging" / "acme" / "stg_acme__things.sql"
    original = (TEST_PROJECT / "models" / "staging" / "acme" / "stg_acme__things.sql").read_text()
    things(small, 1, "north,a,1,,", "north,b,7 cm,,")
    things(small, 2, "north,a,1,,", "north,b,7,,")
    small.run()
    try:
        file.write_text(
            original.replace("size::integer", "replace(size, ' cm', '')::integer").replace(
                "pg_input_is_valid(size,", "pg_input_is_valid(replace(size, ' cm', ''),"
            )
        )
        forget_settings()
        assert statuses(small) == [(1, 2, "superseded")]
        assert "No delivery of thing" in refusal(sluice("quarantine", "replay", "thing", "--rule", "no_such_rule"))
        result = sluice("quarantine", "replay", "thing", "--rule", "size_unparsed")
        assert result.exit_code == 0, result.output
        assert versions(small) == [("a", 1, "01", None), ("b", 7, "01", None)]
        assert statuses(small) == [(1, 2, "replayed")]
    finally:
        file.write_text(original)
        forget_settings()


def test_a_discarded_row_stays_out_of_history(small, checks):
    things(small, 1, "north,a,1,,", "north,b,-2,,", "north,c,-3,,")
    small.run()
    sluice("quarantine", "discard", "thing", "--delivery", 1, "--row", 3, "--why", "a test row")
    allow_from(checks, -10)
    result = sluice("quarantine", "replay", "thing")
    assert result.exit_code == 0, result.output
    assert "1 rows of delivery 1 are good now, 0 stay bad" in result.output
    assert statuses(small) == [(1, 2, "replayed"), (1, 3, "discarded")]
    assert [row[0] for row in versions(small)] == ["a", "b"]
    assert {k: v for k, v in small.account(1).items() if k in ("quarantined", "good")} == {"quarantined": 1, "good": 2}


def test_a_sighting_follows(small, checks):
    things(small, 1, "north,a,1,,", "north,b,-2,,")
    things(small, 2, "north,a,1,,", "north,b,9,,")
    things(small, 3, "north,a,1,,", "north,b,9,,")
    small.run()
    things(small, 3, "north,a,1,,", "north,b,-2,,")
    small.run()
    allow_from(checks, -10)
    sluice("quarantine", "replay", "thing")
    assert versions(small) == [
        ("a", 1, "01", None), ("b", -2, "01", "02"), ("b", 9, "02", "03"), ("b", -2, "03", None),
    ]  # fmt: skip
    assert os.environ["SLUICE_CHECKS_FOLDER"] == str(checks.folder)


def test_a_dry_run_shows_no_error_for_it_is_none(small, capfd):
    """dbt ends a trial with an error that carries its counts; it is nobody's business."""
    things(small, 1, "n,a,-1,,", "n,b,1,,")
    small.run()
    capfd.readouterr()
    done = sluice("quarantine", "replay", "thing", "--dry-run")
    assert done.exit_code == 0, done.output
    shown = done.output + "".join(capfd.readouterr())
    assert "bad rows of delivery 1: 1; of these 0 would be good" in shown
    assert "rror" not in shown
