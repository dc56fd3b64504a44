"""Files of an older version are brought up to date in their text: comments, layout and all else stay."""

import shutil

import pytest
from click.testing import CliRunner
from conftest import TEST_PROJECT, forget_settings

from extract import versions
from extract.feeds import load

TABLES = ("sources", "*", "tables", "*", "config", "meta")
ONE = versions.Migration(1, "rhythm is called mode", lambda root: versions.renamed(root, TABLES, "rhythm", "mode"))
TWO = versions.Migration(
    2, "whom is called owner", lambda root: versions.renamed(root, TABLES[:2] + TABLES[4:], "whom", "owner")
)


@pytest.fixture
def project(tmp_path):
    shutil.copytree(TEST_PROJECT / "models", tmp_path / "models")
    return tmp_path


def old(project, version=1):
    file = project / "models/staging/acme/_acme.yml"
    text = file.read_text().replace("        owner:", f"        version: {version}  # as it was\n        whom:")
    file.write_text(
        text.replace("mode: full", "rhythm: full  # the whole truth").replace("mode: delta", "rhythm: delta")
    )
    return file


def test_keys_are_renamed_where_they_stand_and_comments_stay(project):
    before = old(project).read_text()
    after, told = versions.migrated(before, [ONE, TWO], current=3)
    assert told == ["1 to 2: rhythm is called mode", "2 to 3: whom is called owner"]
    changed = [(b, a) for b, a in zip(before.splitlines(), after.splitlines(), strict=True) if a != b]
    assert [a.strip() for _, a in changed] == [
        "version: 3  # as it was",
        "owner: {name: Acme data desk, email: data@acme.example}",
        "mode: full  # the whole truth",
        "mode: delta",
    ]
    assert versions.migrated(after, [ONE, TWO], current=3) == (after, [])


def test_a_gap_is_told(project):
    with pytest.raises(versions.VersionError, match="Nothing leads from version 1 to 2"):
        versions.migrated(old(project).read_text(), [TWO], current=3)


@pytest.mark.parametrize(
    ("version", "told"),
    [
        (2, "made for a newer one"),
        (0, "0 is no version"),
        ("one", "'one' is no version"),
        ("true", "True is no version"),
    ],
)
def test_another_version_is_refused(project, version, told):
    file = project / "models/staging/acme/_acme.yml"
    file.write_text(file.read_text().replace("        owner:", f"        version: {version}\n        owner:"))
    with pytest.raises(versions.VersionError) as raised:
        load(project)
    assert f"{file}: sources.acme.config.meta.version: " in str(raised.value)
    assert told in str(raised.value)


def test_an_older_one_names_the_command_and_the_command_migrates_it(project, monkeypatch, tmp_path):
    from flows.cli import main

    monkeypatch.setattr(versions, "CURRENT", 3)
    monkeypatch.setattr(versions.refuse_other, "__defaults__", (3,))
    monkeypatch.setattr(versions.migrated, "__defaults__", ((ONE, TWO), 3))
    monkeypatch.setenv("SLUICE_DBT_PROJECT", str(project))
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path / "home"))
    forget_settings()
    before = old(project).read_text()
    with pytest.raises(versions.VersionError, match="sluice feeds migrate --dry-run"):
        load(project)
    shown = CliRunner().invoke(main, ["feeds", "migrate", "--dry-run"])
    assert "+            mode: full  # the whole truth" in shown.output
    assert (project / "models/staging/acme/_acme.yml").read_text() == before
    done = CliRunner().invoke(main, ["feeds", "migrate", "acme"])
    assert (done.exit_code, "Nothing was written" in done.output) == (0, False)
    assert load(project).feed("acme.things").mode == "full"
    assert "of the version that this Sluice reads" in CliRunner().invoke(main, ["feeds", "migrate"]).output
    forget_settings()
