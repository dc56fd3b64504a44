"""The chapters of the demo tell what really happens."""

import pytest

from flows import demo_privacy, demo_quarantine
from warehouse import vault_key


def test_the_story_of_bad_rows_has_some_that_are_mended_and_released(sluice, capsys):
    demo_quarantine.tell()
    told = " ".join(capsys.readouterr().out.split())
    assert "13 First Issue Date 02/30/22 03/15/12" in told
    assert "6 unreadable and quarantined = 1 discarded + 3 released + 2 superseded" in told
    statuses = sluice.sql("select status, count(*) from quarantine.provider group by 1 order by 1")
    assert statuses == [("discarded", 3), ("released", 3), ("superseded", 2)]


@pytest.mark.slow
@pytest.mark.usefixtures("sluice")
def test_the_story_of_a_person_who_is_erased_ends_with_nothing_left(capsys, tmp_path, monkeypatch):
    secret, public = vault_key.make(tmp_path / "vault.key")
    monkeypatch.setenv("SLUICE_VAULT_KEY", str(public))
    demo_privacy.use_key(public)
    demo_privacy.tell(secret)
    told = " ".join(capsys.readouterr().out.split())
    for part in ("is not entitled to it", "a synthetic number", "the vault does not hold it"):
        assert part in told
    assert "in which the number still stands: 0" in told
    assert "0 found out of place" in told
