"""After the demo, through a Prefect server: no personal value in other schemas, in Prefect's database, in any file."""

import pytest
from command import sluice as command
from conftest import PROJECT, forget_settings
from workbench import everything_that_prefect_keeps

from flows import demo, privacy
from flows.report import RunError
from flows.server import _send_last_logs

# The whole row, raw values among it, is PostgreSQL's DETAIL where a constraint is broken.
REFUSING = "alter table quarantine.provider add constraint none_at_all check (line_number < 0) not valid"


@pytest.mark.timeout(600)
def test_no_personal_value_stands_where_none_may(install, api):
    """The whole demo, an error of the database whose message quotes a row, and the documentation: as one process of a
    session that has the server and the built project already (150 s as processes of their own)."""
    house = install(PROJECT / "dbt_project", PROJECT / "checks")
    days = demo.samples_by_day()
    for where, file in (each for files in days.values() for each in files):
        demo.drop(where, file)
    demo.tell_day(max(days))
    house.sql(REFUSING)
    again = next(file for _, file in days[min(days)] if file.parent.parent.name == "nevada")
    house.deliver("nevada.licences", house.file("licences-2026-01-09.csv", again.read_bytes()))
    with pytest.raises(RunError):
        demo.tell_day("a day on which the database refuses")
    demo.tell_all()
    assert command("docs").exit_code == 0
    _send_last_logs()

    found = privacy.scan()
    assert found.values > 100
    assert found.leaks == ()
    assert {"exports", "dbt"} <= {folder.name for folder in house.home.iterdir()}
    kept = everything_that_prefect_keeps(api)
    assert "none_at_all" in kept
    assert list(privacy.telling_values().found_in(kept)) == []
    forget_settings()
