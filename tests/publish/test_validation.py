"""What a run found stays as it was found, whatever becomes of the rows."""

from click.testing import CliRunner
from workbench import things


def say(*arguments, fails=False):
    import json

    from flows.cli import main

    done = CliRunner().invoke(main, ["validation", *arguments, "--json"])
    assert (done.exit_code != 0) is fails, done.output
    return done.output if fails else json.loads(done.output)


def test_each_run_keeps_its_report(small):
    things(small, 1, "north,1,10,,", "north,2,-1,,", "north,,x,,", "broken")
    small.run()
    things(small, 2, "north,1,10,,", "north,2,2,,")
    small.run()
    first = say("thing", "--run", "1")
    assert {(rule["code"], rule["rows"]) for rule in first["rules"]} >= {
        ("size_negative", 1), ("code_missing", 1), ("size_unparsed", 1),
    }  # fmt: skip
    assert {rule["kind"] for rule in first["rules"]} == {"judged", "unreadable"}
    assert {check["stage"] for check in first["checks"]} == {"verify", "gate"}
    newest = say("thing")
    assert newest["run"] == 2
    assert newest["rules"] == []
    assert [row["broken_rules"] for row in newest["history"]] == [4, 0]
    small.sql("update quarantine.thing set status = 'discarded'")
    assert say("thing", "--run", "1")["rules"] == first["rules"]
    assert "has no run 9" in say("thing", "--run", "9", fails=True)
