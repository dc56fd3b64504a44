"""The chapters of the demo tell what really happens."""

from flows import demo_quarantine


def test_the_story_of_bad_rows_has_some_that_are_mended_and_released(sluice, capsys):
    demo_quarantine.tell()
    told = " ".join(capsys.readouterr().out.split())
    assert "13 First Issue Date 02/30/22 03/15/12" in told
    assert "6 unreadable and quarantined = 1 discarded + 3 released + 2 superseded" in told
    statuses = sluice.sql("select status, count(*) from quarantine.provider group by 1 order by 1")
    assert statuses == [("discarded", 3), ("released", 3), ("superseded", 2)]
