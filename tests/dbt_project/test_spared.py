"""What dbt is spared changes nothing of what it says."""

from google.protobuf.json_format import ParseDict
from workbench import things

from flows import dbt_spared


def test_each_message_is_the_one_that_dbt_would_have_made(small, monkeypatch):
    differing, seen, message = [], set(), dbt_spared.message

    def compared(told, empty):
        usual, made = ParseDict(told, type(empty)()), message(told, empty)
        seen.add(type(empty).__name__)
        differing.extend([(usual, made)] if usual != made else [])
        return made

    monkeypatch.setattr(dbt_spared, "message", compared)
    things(small, 1, "n,a,1,,", "n,b,much,,")
    small.run()
    assert not differing
    assert seen > {"SQLQuery", "SQLQueryMsg", "NodeFinished", "LogModelResultMsg", "CommandCompleted"}


def test_a_message_of_another_form_goes_dbts_own_way():
    from dbt.events.types import CommandCompleted

    told = {"command": "run", "success": True, "completed_at": "2026-01-05T00:00:00.5Z", "elapsed": 0.5}
    made = dbt_spared.message(told, type(CommandCompleted(**told).pb_msg)())
    assert made.completed_at.ToJsonString() == "2026-01-05T00:00:00.500Z"
