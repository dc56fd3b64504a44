"""What holds of the project's text as a whole: where a vendor's name may stand, that all is described, the layering,
the lock, and that the README names commands that exist."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import PROJECT, forget_settings
from samples import FEEDS, VENDORS

from extract.classes import BUILT_IN as PII_CLASSES

SOURCE = {".py", ".sql", ".yml", ".toml"}
EXEMPT = ("tests", "docs", "README.md")  # these talk about the vendors


@pytest.fixture(scope="session")
def files():
    """Every file that git tracks, or would."""
    command = ["git", "-C", str(PROJECT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [path for name in listed.split("\0") if name and (path := PROJECT / name).is_file()]


def text_of(path):
    content = path.read_bytes()
    return "" if b"\0" in content else content.decode("utf-8", "replace")


def test_only_a_vendors_folder_names_the_vendor(files):
    vendors = sorted({feed.vendor for feed in FEEDS.values()})
    named = re.compile(rf"(?<![a-z])({'|'.join(vendors)})(?![a-z])", re.IGNORECASE)
    outside = [
        path
        for path in files
        if path.suffix in SOURCE
        and path.relative_to(PROJECT).parts[0] not in EXEMPT
        and not any(path.is_relative_to(VENDORS / vendor) for vendor in vendors)
    ]
    assert len(outside) > 50
    faults = [f"{path.relative_to(PROJECT)}: {found[0]}" for path in outside if (found := named.search(text_of(path)))]
    assert faults == []


def test_a_vendors_folder_holds_nothing_but_its_own(files):
    for path in files:
        if path.is_relative_to(VENDORS) and path.parent != VENDORS:
            vendor, *rest = path.relative_to(VENDORS).parts
            expected = {f"_{vendor}.yml", "quirks.py", "patches.csv"} | {
                f.model + ".sql" for f in FEEDS.values() if f.vendor == vendor
            }
            assert rest[0] == "samples" or rest[0] in expected, path.name


@pytest.fixture(scope="module")
def house(install):
    yield install(PROJECT / "dbt_project", PROJECT / "checks")
    forget_settings()


@pytest.fixture(scope="module")
def manifest(house):
    from flows import dbt

    dbt.invoke("parse")
    return json.loads((house.home / "dbt" / "target" / "manifest.json").read_text())


def test_everything_in_dbt_is_described(house, manifest):
    nodes = [n for n in manifest["nodes"].values() if n["resource_type"] in ("model", "seed")]
    sources = list(manifest["sources"].values())
    assert len(nodes) >= 15
    assert len(sources) >= 6
    for node in nodes + sources:
        assert node["description"].strip(), node["unique_id"]
        for column in node["columns"].values():
            assert column["description"].strip(), f"{node['unique_id']}: {column['name']}"
    assert all(source["source_description"].strip() for source in sources)
    undescribed = [name for node in nodes for name in undeclared(house, node)]
    assert undescribed == []


def undeclared(house, node):
    """Columns that a relation has and its YAML does not; judged tables get theirs from the materialization."""
    there = house.sql(
        "select column_name from information_schema.columns where table_schema = :schema and table_name = :name",
        schema=node["schema"],
        name=node["alias"],
    )
    assert there, f"{node['unique_id']} is not in the database"
    added = {f"{node['alias']}_id"} if node["schema"] == "judged" else set()
    for (name,) in there:
        bookkeeping = node["schema"] == "judged" and name.startswith("_")
        if name not in node["columns"] and name not in added and not bookkeeping:
            yield f"{node['unique_id']}: {name}"


def test_the_database_carries_the_descriptions(house):
    missing = house.sql(
        "select c.relname, a.attname from pg_class as c join pg_attribute as a on a.attrelid = c.oid"
        " where c.relnamespace in ('published'::regnamespace, 'history'::regnamespace) and c.relkind in ('r', 'v')"
        " and a.attnum > 0 and not a.attisdropped and col_description(c.oid, a.attnum) is null"
    )
    assert missing == []


def test_published_models_keep_their_contract(manifest):
    published = [n for n in manifest["nodes"].values() if n["schema"] == "published" and n["resource_type"] == "model"]
    entities = {feed.entity for feed in FEEDS.values()}
    derived = {n["name"]: n["config"]["meta"].get("derived_from") for n in published}
    derived = {name: sources for name, sources in derived.items() if sources}
    assert {n["name"] for n in published} - set(derived) == entities | {f"{entity}_history" for entity in entities}
    assert all(set(sources) <= entities for sources in derived.values())
    for node in published:
        assert node["config"]["contract"]["enforced"], node["name"]


def test_every_judged_column_has_a_class(manifest):
    judged = [n for n in manifest["nodes"].values() if n["schema"] == "judged"]
    assert judged
    for node in judged:
        for column in node["columns"].values():
            assert column["config"]["meta"].get("pii") in PII_CLASSES, f"{node['name']}: {column['name']}"
            assert column["data_type"]


def test_every_list_of_the_project_has_a_history():
    """But for the reader's areas, which are a setting."""
    seeds = {file.stem for file in (PROJECT / "dbt_project" / "seeds").glob("*.csv")}
    assert seeds - {feed.arrives.seed for feed in FEEDS.values()} == {"geometry_areas"}


def test_every_entity_has_all_its_parts():
    for entity in sorted({feed.entity for feed in FEEDS.values()}):
        for part in (
            f"checks/contracts/{entity}.yml",
            f"checks/gates/{entity}.yml",
            f"dbt_project/models/judged/judged_{entity}.yml",
            f"dbt_project/models/quarantine/quarantine_{entity}.yml",
            f"dbt_project/models/history/dim_{entity}.yml",
            f"dbt_project/models/published/{entity}.yml",
        ):
            assert (PROJECT / part).is_file(), part


def test_imports_go_one_way():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_requirement_is_locked_by_its_hash():
    lock = (PROJECT / "requirements.lock").read_text()
    entries = re.split(r"^(?=\S)", lock, flags=re.MULTILINE)
    requirements = [entry for entry in entries if entry.strip() and not entry.startswith("#")]
    assert len(requirements) > 100
    for entry in requirements:
        assert re.match(r"[a-z0-9][a-z0-9._\[\]-]*==\S+", entry, re.IGNORECASE), entry[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry[:80]
    for word in ("://", "--index", "--extra-index", "--find", "--trusted", " @ "):
        assert word not in lock


def test_no_file_names_a_registry_or_a_machine(files):
    hosts = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "test.py" + "pi"]
    folders = "|".join(["ro" + "ot", "ho" + "me", "wo" + "rk", "Us" + "ers"])
    machine = re.compile(rf"(?<![\w.*{{}}<>)/-])/({folders})/\w")
    faults = []
    for path in files:
        text = text_of(path)
        faults += [f"{path.relative_to(PROJECT)}: {host}" for host in hosts if host in text]
        faults += [f"{path.relative_to(PROJECT)}: {found[0]}" for found in machine.finditer(text)]
    assert faults == []


def code_in(markdown):
    """The fenced blocks' lines and the code within sentences."""
    fenced = re.findall(r"^```[^\n]*\n(.*?)^```", markdown, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", markdown, flags=re.MULTILINE | re.DOTALL))
    return [line.split("#")[0].strip() for block in fenced for line in block.splitlines()] + inline


def test_the_readmes_commands_exist():
    from flows.cli import main

    written = code_in((PROJECT / "README.md").read_text())
    calls = [call for line in written for call in re.findall(r"(?:^|[ /])sluice ([a-z-][^|&;>]*)", line)]
    assert calls, "the README names no command"
    for call in calls:
        command, words = main, call.split()
        while words and hasattr(command, "commands") and not words[0].startswith("-"):
            assert words[0] in command.commands, f"sluice {call}: there is no such command"
            command = command.commands[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts} | {"-h", "--help", "--version"}
        used = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert command.name == "dbt" or used <= options, f"sluice {call}: {used - options}"


def test_the_readmes_make_targets_exist():
    targets = re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    written = code_in((PROJECT / "README.md").read_text())
    called = {name for line in written for name in re.findall(r"(?:^|&& )make ([a-z]+)", line)}
    assert {"demo", "test", "check"} <= called <= set(targets)


def test_continuous_integration_calls_check_and_test():
    steps = (PROJECT / ".ci" / "run").read_text()
    assert "make check" in steps
    assert "make test" in steps


def test_the_messages_for_vendors_name_no_vendor():
    """A contract is an entity's: its messages go to every vendor of it."""
    for contract in (PROJECT / "checks" / "contracts").glob("*.yml"):
        text = yaml.safe_dump(yaml.safe_load(contract.read_text())).lower()
        assert [vendor for vendor in {feed.vendor for feed in FEEDS.values()} if vendor in text] == []
