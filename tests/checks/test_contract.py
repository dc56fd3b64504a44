"""The door to Soda: the SQL that is derived from a contract, and contracts that are refused."""

from pathlib import Path

import pytest
import yaml

from checks import contract, verification

EVERY_KIND = Path(__file__).with_name("every_kind.yml")
# A change of soda-core that changes one of these changes what is held back: look before you take it over.
GOLDEN = {
    "region_missing": '"region" IS NULL',
    "region_unknown": "(code <> 'x') and not (\"region\" IS NULL) and not exists (select from"
    ' "reference"."known_region" as r where r."region" = "candidates"."region")',
    "code_shape": "(region <> 'x') AND NOT(\"code\" IS NULL) AND NOT(\"code\" ~ '^[a-z]{1,9}$')",
    "code_unknown": "NOT(\"code\" IS NULL) AND NOT(\"code\" IN ('a', 'b', 'bb', 'it''s', 'n/a'))",
    "code_length": 'NOT("code" IS NULL) AND (LENGTH("code") < 2 OR LENGTH("code") > 5)',
    "code_repeated": '(size is not null) and ("code") in (select "code" from candidates where (not (("code" IS NULL OR'
    ' "code" IN (\'n/a\')))) and (size is not null) group by "code" having count(*) > 1)',
    "size_out_of_range": 'NOT("size" IS NULL) AND ("size" < 1 OR "size" > 9)',
    "note_missing": "(size > 5 and coalesce(note, '') = '')",
    "size_repeated": "(code <> 'b') and (coalesce(\"_delivery_id\"::text, '__SODA_NULL__'), coalesce(\"region\"::text,"
    " '__SODA_NULL__'), coalesce(\"size\"::text, '__SODA_NULL__')) in (select coalesce(\"_delivery_id\"::text,"
    " '__SODA_NULL__'), coalesce(\"region\"::text, '__SODA_NULL__'), coalesce(\"size\"::text, '__SODA_NULL__')"
    " from candidates where (code <> 'b') group by coalesce(\"_delivery_id\"::text, '__SODA_NULL__'),"
    " coalesce(\"region\"::text, '__SODA_NULL__'), coalesce(\"size\"::text, '__SODA_NULL__') having count(*) > 1)",
}


def test_each_kind_of_check_gives_this_sql():
    rules = contract.row_rules(EVERY_KIND)
    assert {rule.code: rule.predicate for rule in rules} == GOLDEN
    assert [rule.code for rule in rules] == list(GOLDEN), "the contract's order"


def test_a_rule_carries_what_a_vendor_is_told():
    rules = {rule.code: rule for rule in contract.row_rules(EVERY_KIND)}
    assert rules["code_length"].column_name == "code"
    assert rules["code_length"].message == "A code has 2 to 5 letters."
    assert rules["note_missing"].column_name == "note"


def column(name, *checks):
    declared = {"name": name} | ({"checks": list(checks)} if checks else {})
    return {"dataset": "warehouse/sluice/judged/thing", "columns": [declared]}


def rows(**body):
    return column("code") | {"checks": [{"failed_rows": body}]}


TOLD = {"code": "c", "message": "m"}
REFUSED = {
    "no code": (column("code", {"missing": {"attributes": {"message": "m"}}}), "attributes.code is missing"),
    "no message": (column("code", {"missing": {"attributes": {"code": "c"}}}), "attributes.message is missing"),
    "no attributes": (column("code", {"missing": {}}), "attributes.code is missing"),
    "a code that is no word": (column("code", {"missing": {"attributes": TOLD | {"code": "c'; drop"}}}), "may hold"),
    "a code twice": (
        column("code", {"missing": {"attributes": TOLD}}, {"invalid": {"valid_min": 1, "attributes": TOLD}}),
        "'c' stands at two checks",
    ),
    "a kind of check that Soda lacks": (column("code", {"mising": {"attributes": TOLD}}), "mising"),
    "a key that Soda lacks": (
        column("code", {"invalid": {"valid_max": 9, "vald_min": 1, "attributes": TOLD}}),
        "'vald_min'",
    ),
    "nothing to be invalid by": (column("code", {"invalid": {"attributes": TOLD}}), "valid or invalid"),
    "no expression": (rows(attributes=TOLD), "'expression'"),
    "two checks that Soda takes for one": (
        rows(expression="true", attributes=TOLD)
        | {
            "checks": [
                {"failed_rows": {"expression": "true", "attributes": TOLD}},
                {"failed_rows": {"expression": "false", "attributes": TOLD | {"code": "d"}}},
            ]
        },
        "the first is on line 2: Soda takes the two for one",
    ),
    "no dataset": ({"columns": []}, "'dataset'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_contract_that_says_what_cannot_be_used_is_refused(tmp_path, case):
    document, complaint = REFUSED[case]
    file = tmp_path / "thing.yml"
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(contract.ContractError, match=complaint) as refused:
        contract.row_rules(file)
    assert str(file) in str(refused.value)


CONTRACT = """\
dataset: warehouse/sluice/judged/thing
columns:
  - name: code
    checks:
      - missing:
          name: code present
          attributes: {code: code_missing, message: m}
checks:
  - failed_rows:
      name: big
      expression: size > 5
      attributes:
        code: size_big
        message: m
        on_fail: quarantine
"""
LINES = {
    "an unknown policy": ("on_fail: quarantine", "on_fail: quarantene", 15, "did you mean quarantine"),
    "an unknown attribute": ("on_fail: quarantine", "on_fial: refuse", 15, "did you mean on_fail"),
    "an unknown severity": ("on_fail: quarantine", "severity: awful", 15, "error, critical, warning, info"),
    "a code twice": ("code: size_big", "code: code_missing", 13, "the first on line 7"),
    "a code of the split's own": ("code: size_big", "code: key_missing", 13, "choose another"),
    "a code that is no word": ("code: size_big", "code: size-big", 13, "letters, digits and _"),
    "no message": ("message: m\n", "severity: error\n", 9, "attributes.message is missing"),
    "a key that Soda lacks": ("name: big", "nam: big", 10, "there is no such key"),
    "a kind that Soda lacks": ("- failed_rows", "- failed_row", 9, "is no kind of check"),
    "a key twice": ("name: big", "expression: size > 9", 11, "stands twice"),
    "no YAML": ("name: big", "name: [big", 11, "not readable as YAML"),
    "a masked column of history": ("size > 5", "size > current_phone", 11, "its class is phone"),
    "no column of history": ("size > 5", "size > current_colour", 11, "there is no such column"),
    "a threshold's key that Soda lacks": ("name: big", "threshold: {must_bee: 0}", 10, "there is no such key"),
    "a second check of the kind": (
        "checks:\n  - f",
        "checks:\n  - failed_rows: {expression: a}\n  - f",
        10,
        "on line 9",
    ),
    "a column twice": ("checks:\n  - f", "  - name: code\nchecks:\n  - f", 8, "stands twice, first on line 3"),
    "attributes without keys": ("{code: code_missing, message: m}", "[code]", 7, "`attributes` has keys"),
    "a message that is no text": ("message: m\n", "message: [m]\n", 14, "attributes.message is a text"),
    "one column for several": (
        "failed_rows:\n      name: big",
        "duplicate:\n      columns: code",
        10,
        "expected one of",
    ),
}


@pytest.mark.parametrize("case", LINES)
def test_what_is_wrong_is_told_with_its_line(tmp_path, case):
    right, wrong, line, told = LINES[case]
    file = tmp_path / "thing.yml"
    file.write_text(CONTRACT)
    classes = {"code": "none", "size": "none", "phone": "phone"}
    assert [rule.code for rule in contract.row_rules(file, classes)] == ["code_missing", "size_big"]
    file.write_text(CONTRACT.replace(right, wrong, 1) if "message" not in right else _last(CONTRACT, right, wrong))
    with pytest.raises(contract.ContractError, match=told) as refused:
        contract.row_rules(file, classes)
    assert str(refused.value).startswith(f"{file}:{line}:")


def _last(text, right, wrong):
    return wrong.join(text.rsplit(right, 1))


def test_a_rule_carries_its_policy(tmp_path):
    file = tmp_path / "thing.yml"
    file.write_text(CONTRACT.replace("on_fail: quarantine", "on_fail: warn\n        responsible: us"))
    missing, big = contract.row_rules(file)
    assert (missing.on_fail, missing.severity, missing.responsible) == ("quarantine", "error", "vendor")
    assert (big.on_fail, big.severity, big.responsible) == ("warn", "warning", "us")


def test_a_rule_about_the_delivery_is_left_to_the_split(tmp_path):
    """Soda sees the good rows only, whose sum is another."""
    file = tmp_path / "thing.yml"
    file.write_text(CONTRACT.replace("size > 5", "(select sum(size) from candidates) <> 5"))
    assert [rule.scope for rule in contract.row_rules(file)] == ["row", "delivery"]
    assert "checks" not in yaml.safe_load(verification.aimed(file, "elsewhere", None))


@pytest.mark.parametrize("content", ["columns: [\n", "", "- a\n", "\x00", "just words"])
def test_a_file_that_is_no_contract_is_refused(tmp_path, content):
    file = tmp_path / "thing.yml"
    file.write_text(content)
    with pytest.raises(contract.ContractError) as refused:
        contract.compiles(file)
    assert str(file) in str(refused.value)


def test_a_contract_that_is_not_there_is_named(monkeypatch, tmp_path):
    from warehouse.settings import settings

    monkeypatch.setenv("SLUICE_CHECKS_FOLDER", str(tmp_path))
    settings.cache_clear()
    with pytest.raises(contract.ContractError, match=r"contracts.thing\.yml is missing"):
        contract.contract_file("thing")
    settings.cache_clear()


def test_a_contract_that_was_changed_is_read_anew(tmp_path):
    file = tmp_path / "thing.yml"
    file.write_text(yaml.safe_dump(column("code", {"missing": {"attributes": TOLD}})))
    assert [rule.code for rule in contract.row_rules(file)] == ["c"]
    file.write_text(yaml.safe_dump(column("code", {"missing": {"attributes": TOLD | {"code": "d"}}})))
    assert [rule.code for rule in contract.row_rules(file)] == ["d"]


def test_a_contract_is_verified_in_the_warehouses_own_database():
    """It is written for a database called sluice; an outside warehouse has another name."""
    aimed = yaml.safe_load(verification.aimed(EVERY_KIND, "elsewhere", "true"))
    assert aimed["dataset"] == "warehouse/elsewhere/judged/thing"
    assert aimed["columns"][0]["checks"][1]["invalid"]["valid_reference_data"] == {
        "dataset": "warehouse/elsewhere/reference/known_region",
        "column": "region",
    }
    assert aimed["filter"] == "(true)"
