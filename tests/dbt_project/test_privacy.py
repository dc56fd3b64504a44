"""Tokens, masks and keys: what history shows in the place of a personal value."""

import base64
import csv
import io
import shutil
import threading
import time

import psycopg
import pytest
import yaml
from conftest import PROJECT, TEST_PROJECT, _aim, _sql, forget_settings
from samples import FEEDS, of
from workbench import JUDGED, changed, things

from extract.classes import BUILT_IN as PII_CLASSES
from warehouse.errors import SluiceError

KEYED = [pii for pii in PII_CLASSES if pii not in ("none", "free_text")]


@pytest.fixture(scope="module")
def house(install):
    yield install(PROJECT / "dbt_project", PROJECT / "checks")
    forget_settings()


def shown(columns, rows):
    """What the project's macros make of values: the columns of `select columns from rows`, as lists of texts."""
    from flows import dbt

    values = ", ".join("(" + ", ".join("null" if v is None else f"$v${v}$v$" for v in row) + ")" for row in rows)
    names = ", ".join(f"v{i}" for i in range(len(rows[0])))
    query = f"select {columns} from (values {values}) as given ({names})"
    table = dbt.invoke("show", "--inline", query, "--limit", "100").results[0].agate_table
    return [["" if cell is None else str(cell) for cell in row] for row in table.rows]


def macro(name, pii, column="v0", **more):
    call = "{{ " + f"{name}({ ({'name': column, 'pii': pii} | more)!r})" + " }}"
    return call if name != "token" else f"(select {call} from pii.token_key_now() as key)"


def test_a_token_tells_the_class_and_differs_between_classes(house):
    columns = ", ".join(f"{macro('token', pii)} as {pii}" for pii in KEYED)
    (tokens,) = shown(columns, [("10.0.0.1",)])
    assert [token.split(":")[0] for token in tokens] == KEYED
    assert len({token.split(":")[1] for token in tokens}) == len(KEYED)
    assert all(len(token.split(":")[1]) == 32 for token in tokens)


def test_a_token_overlooks_spelling(house):
    columns = ", ".join(f"{macro('token', pii)} as {pii}" for pii in ("email", "person_name", "street_address"))
    spellings = [
        ("Ann Lee@Example.com",),
        ("ann  lee@example.com ",),
        (" ANN LEE@EXAMPLE.COM",),
        ("anne lee@example.com",),
    ]
    one, two, three, other = shown(columns, spellings)
    assert one == two == three
    assert not set(one) & set(other)


SPELT = {
    "email": [
        "ann@example.com",
        "Ann@Example.COM\u00a0",
        "mailto:ann@example.com",
        "Ann Lee <ann@example.com>",
        '"Lee, Ann" <mailto:Ann@example.com>;',
        "ann@example.com (work)",
        "ann@example.com; call first",
        "ann@example.com, Ann Lee",
        "\uff41\uff4e\uff4e\uff20example.com",
    ],
    "government_id": ["078-05-1120", "078 05 1120", "078051120 ", "078\u201305\u20131120"],
}
ANOTHER = {
    "email": ["ann+1@example.com", "joann@example.com", "ann@example.com.au", "ann@example.com; bob@example.com",
              "Ann <ann@example.com>, Bob <bob@example.com>", "@"],
    "government_id": ["078-05-1121", "A078-05-1120", ""],
}  # fmt: skip


@pytest.mark.parametrize("pii", SPELT)
def test_what_is_written_around_a_value_does_not_make_another(house, pii):
    spelt, another = SPELT[pii], ANOTHER[pii]
    found = [cell for (cell,) in shown(macro("token", pii), [(value,) for value in spelt + another])]
    assert len(set(found[: len(spelt)])) == 1
    assert len(set(found)) == 1 + len(another)


def test_no_value_has_no_token(house):
    columns = ", ".join(f"{macro('token', pii)} as {pii}" for pii in KEYED)
    assert shown(columns, [(None,)]) == [[""] * len(KEYED)]


MASKED = {
    "email": [
        ("deborah@example.com", "d***@example.com"),
        ("d@example.com", "d***@example.com"),
        ("call@702 555 0143", "***"),
        ("phone@702-555-0143", "***"),
        ("ask@Deborah Zanzibar", "***"),
    ],
    "phone": [("+17025550143", "***0143"), ("ask for Lee", "***"), ("ask for 5Lee", "***")],
    "person_name": [("Quillara", "Q***"), ("Élodie", "É***")],
    "street_address": [("12 Elm Ave", "***")],
    "date_of_birth": [("1980-05-17", "1980")],
    "government_id": [("123-45-6789", "***")],
    "ip": [("203.0.113.77", "203.0.0.0/16")],
    "free_text": [
        ("call 702-555-0143 or mail ann.lee@example.com", "call [number] or mail [e-mail]"),
        ("(702) 555-0143, +44 20 7946 0001", "[number], [number]"),
        ("tel. 01 42 68 53 00 or 030/1234567", "tel. [number] or [number]"),
        ("7025550143, 702.555.0143 x12.", "[number], [number] x12."),
        ("1-702-555-0143 or (702)555-0143", "[number] or [number]"),
        ("1.702.555.0143, 1 (702) 5550143, 702 5550143", "[number], [number], [number]"),
        ("17025550143, 702-555-0143x12, +17025550143ext5", "[number], [number]x12, [number]ext5"),
        ("#4111111111111111/1227, 4111-1111-1111-1111,12/27", "#[card]/1227, [card],12/27"),
        ("o'hara_1@mail.example.co.uk!", "[e-mail]!"),
        ("card 4111 1111 1111 1111, 4111111111111111", "card [card], [card]"),
        ("amex 3782 822463 10005", "amex [card]"),
        ("SSN 123-45-6789 from 203.0.113.77", "SSN [id] from [ip]"),
        ("since 29.11.2016, 12 places", "since 29.11.2016, 12 places"),
        ("on 2016-11-29 10:15, till 2017-01-01", "on 2016-11-29 10:15, till 2017-01-01"),
        ("1/5/2026 - 12/31/2026", "1/5/2026 - 12/31/2026"),
        ("REF-20161129-0001, case 123456789, 16/00123/FUL", "REF-20161129-0001, case 123456789, 16/00123/FUL"),
        ("1,250,000.00 EUR for 12 34 56 places", "1,250,000.00 EUR for 12 34 56 places"),
        ("1 250 kg, 1.5.2026, 702.5550143 m, 702-555-0143xl", "1 250 kg, 1.5.2026, 702.5550143 m, 702-555-0143xl"),
        ("version 1.2.3, NV 89027-1234", "version 1.2.3, NV 89027-1234"),
    ],
    "none": [("as it is", "as it is")],
}


def test_every_class_has_its_mask(house):
    assert set(MASKED) == set(PII_CLASSES)
    assert house
    asked = [(pii, value, mask) for pii, cases in MASKED.items() for value, mask in cases]
    expression = {"date_of_birth": "v{0}::date"}
    row = tuple(value for _, value, _ in asked)
    columns = []
    for i, (pii, _, _) in enumerate(asked):
        column = macro("masked_form", pii, f"v{i}")
        if pii in expression:
            column = f"(select {macro('masked_form', pii, 'd')} from (select v{i}::date as d) as typed)"
        columns.append(f"{column} as c{i}")
    (found,) = shown(", ".join(columns), [row])
    assert found == [mask for _, _, mask in asked]


PHONES = {
    "US": ["(702) 555-0143", "702.555.0143", "1-702-555-0143", "+1 (702) 555-0143", "011 44 20 7946 0001",
           "702 555 0143 ext. 12", "702-555-0143 x9", "+442079460001", "7025550143#77"],
    "GB": ["020 7946 0001", "+44 (0)20 7946 0001", "0044 20 7946 0001", "(01632) 960 001", "07700 900123",
           "+1 702-555-0143"],
    "DE": ["030/1234567", "+49 30 1234567", "0049 30 1234567", "(0171) 123 45 67", "030 1234567 ext 4"],
    "FR": ["01 42 68 53 00", "+33 (0)1 42 68 53 00", "00 33 1 42 68 53 00", "01.42.68.53.00"],
    "IT": ["06 698 1234", "+39 06 6981234", "347 123 4567"],
    "ES": ["912 345 678", "+34 912 345 678", "0034 612 345 678"],
    "HU": ["06 1 234 5678", "+36 1 234 5678"],
    "IN": ["098765 43210", "+91 98765 43210"],
    "AU": ["(02) 9876 5432", "0011 44 20 7946 0001", "0412 345 678"],
    "JP": ["03-1234-5678", "+81 3 1234 5678"],
    "CH": ["044 668 18 00", "+41 44 668 18 00"],
    "RU": ["8 (495) 123-45-67", "+7 495 123 45 67"],
}  # fmt: skip


def test_phones_are_normalised_as_the_library_does(house):
    """The database's few rules against libphonenumber's many, over spellings and example numbers of every region."""
    import phonenumbers
    from phonenumbers import PhoneNumberFormat as Format

    regions = macro("calling_codes", "none").split("(")[0] + "() | join(' ') }}"
    known = shown(f"'{regions}'", [("x",)])[0][0].split()
    samples = [(region, spelling) for region, spellings in PHONES.items() for spelling in spellings]
    for region in known:
        example = phonenumbers.example_number(region)
        for form in (Format.E164, Format.INTERNATIONAL, Format.NATIONAL):
            samples.append((region, phonenumbers.format_number(example, form)))
    columns = [
        f"{macro('normalised', 'phone', f'v{i}', region=region)} as c{i}" for i, (region, _) in enumerate(samples)
    ]
    (found,) = shown(", ".join(columns), [tuple(spelling for _, spelling in samples)])
    assert len(samples) > 150
    for (region, spelling), normal in zip(samples, found, strict=True):
        expected = phonenumbers.format_number(phonenumbers.parse(spelling, region), Format.E164)
        assert normal == expected, (region, spelling)


def test_what_is_no_number_stays_apart(house):
    found = shown(macro("normalised", "phone"), [("1-800-FLOWERS",), ("1-800-CABBAGE",), ("ask Ann",), ("12",), ("",)])
    assert len({cell for (cell,) in found}) == len(found)


# RFC 4231, 4.2 to 4.8 without the truncated one: key, data, HMAC-SHA-256.
RFC_4231 = [
    ("0b" * 20, b"Hi There".hex(), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
    (
        b"Jefe".hex(),
        b"what do ya want for nothing?".hex(),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ),
    ("aa" * 20, "dd" * 50, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
    (
        bytes(range(1, 26)).hex(),
        "cd" * 50,
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    (
        "aa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First".hex(),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ),
    (
        "aa" * 131,
        b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be"
        b" hashed before being used by the HMAC algorithm.".hex(),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ),
]


@pytest.mark.parametrize(("key", "data", "expected"), RFC_4231)
def test_the_databases_hmac_is_the_standards(house, key, data, expected):
    found = house.value(
        "select encode(pii.hmac_sha256(pii.padded_key(key, 54), pii.padded_key(key, 92), decode(:data, 'hex')), 'hex')"
        " from (select decode(:key, 'hex') as key) as given",
        key=key,
        data=data,
    )
    assert found == expected


def one_row(feed, date, **cells):
    """A file of a feed with one good row, its personal cells replaced by class."""
    with open(of(feed)[0], newline="", encoding="utf-8") as sample:
        row = next(csv.DictReader(sample))
    for column in feed.columns:
        if column.pii in cells and column.headers[0] in row:
            row[column.headers[0]] = cells[column.pii]
    out = io.StringIO()
    writer = csv.DictWriter(out, row)
    writer.writeheader()
    writer.writerow(row)
    return f"licences-{date}.csv", out.getvalue()


def test_equal_people_are_equal_across_vendors_and_spellings(house):
    spelled = {
        "nevada.licences": {"phone": "(702) 555-0199 ext. 4", "person_name": "QUILLARA TREVANION"},
        "oklahoma.licences": {
            "phone": "702-555-0199",
            "email": "Quillara@Example.COM",
            "person_name": "Quillara Trevanion\nDirector",
        },
        "texas.licences": {"phone": "+1 702.555.0199", "email": " quillara@example.com"},
    }
    for key, cells in spelled.items():
        name, content = one_row(FEEDS[key], "2026-01-01", **cells)
        house.deliver(key, house.file(name, content))
    house.run("provider")
    found = {
        feed: tokens
        for feed, *tokens in house.sql(
            "select feed, phone_token, email_token, first_name_token, last_name_token from published.provider"
        )
    }
    assert set(found) == set(spelled)
    phones, emails, firsts, lasts = (
        {tokens[i] for tokens in found.values() if tokens[i] is not None} for i in range(4)
    )
    assert [len(kind) for kind in (phones, emails, firsts, lasts)] == [1, 1, 1, 1]
    assert firsts != lasts


def keys_of(url):
    """The keys of a database, in every form in which they could be written down."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("select inner_key, outer_key from pii.keys order by purpose, version").fetchall()
    raw = [bytes(byte ^ 0x36 for byte in inner)[:32] for inner, _ in rows]
    return [bytes(key) for row in rows for key in row], raw


def spellings_of(key):
    return [
        key.hex(),
        key.hex().upper(),
        base64.b64encode(key).decode(),
        base64.urlsafe_b64encode(key).decode(),
        str(key),
    ]


def test_every_database_makes_its_own_keys(house, server):
    from warehouse.migrate import migrate

    found = []
    for name in ("keys_one", "keys_two"):
        _sql(server, f"drop database if exists {name} with (force)", f"create database {name}")
        url = server.rsplit("/", 1)[0] + "/" + name
        _aim(house.home, url, PROJECT / "dbt_project", PROJECT / "checks")
        migrate()
        migrate()  # a second time keeps them
        found += keys_of(url)[1]
        forget_settings()
        _sql(server, f"drop database {name} with (force)")
    _aim(house.home, server, PROJECT / "dbt_project", PROJECT / "checks")
    assert len(set(found)) == 6
    assert all(len(set(key)) > 10 for key in found)


def test_keys_stand_nowhere(small):
    """Not in dbt's files, the logs, the ledger, nor in any SQL that the server shows while a run works."""
    seen, done = set(), threading.Event()

    def watch():
        with psycopg.connect(small.url, autocommit=True) as connection:
            while not done.is_set():
                seen.update(row[0] for row in connection.execute("select query from pg_stat_activity"))
                time.sleep(0.002)

    things(small, 1, *(f"n,{number},1,,ann{number}@example.com" for number in range(2000)))
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        small.run()
    finally:
        done.set()
        watcher.join()
    files = [path for path in small.home.rglob("*") if path.is_file()]
    text = "\n".join(path.read_bytes().decode("latin-1") for path in files)
    assert "hmac_sha256" in text, "dbt's log holds no SQL of the split"
    text += "\n".join(seen)
    text += "\n".join(row for (row,) in small.sql("select r::text from ledger.rules as r"))
    stored, raw = keys_of(small.url)
    for key in stored + raw:
        assert not [form for form in spellings_of(key) if form in text]


@pytest.mark.parametrize(
    ("meta", "told"), [({}, "has no PII class"), ({"pii": "emial"}, "there is no PII class emial")]
)
def test_a_column_without_a_known_class_stops_the_build(install, small_project, tmp_path, meta, told):
    project = tmp_path / "project"
    shutil.copytree(small_project, project)
    file = project / "models" / "judged" / "judged_thing.yml"
    document = yaml.safe_load(file.read_text())
    document["models"][0]["columns"].append({"name": "colour", "data_type": "text", "config": {"meta": meta}})
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(SluiceError) as stopped:
        install(project, TEST_PROJECT / "checks")
    for part in ("models/judged/judged_thing.yml", "colour", told, "config: {meta: {pii: ...}}", "street_address"):
        assert part in str(stopped.value)
    forget_settings()


def test_a_project_adds_its_own_class(install, small_project, tmp_path):
    project = tmp_path / "project"
    shutil.copytree(small_project, project)
    declared = yaml.safe_load((project / "dbt_project.yml").read_text())
    declared["vars"]["pii_classes"] = {
        "plate": {"normalised": "upper(translate({value}, ' -', ''))", "masked": "left({value}, 2) || '***'"},
        "badge": {"has_token": False},
    }
    (project / "dbt_project.yml").write_text(yaml.safe_dump(declared))
    for file in (project / "models/judged/judged_thing.yml", project / "models/staging/acme/_acme.yml"):
        file.write_text(file.read_text().replace("pii: email", "pii: plate").replace("pii: free_text", "pii: badge"))
    small = install(project, TEST_PROJECT / "checks")
    things(small, 1, "n,a,1,77,b-ab 12", "n,b,1,78,BAB 12")
    small.run()
    rows = small.sql("select code, note, keeper, keeper_token from published.thing order by code")
    assert [row[1:3] for row in rows] == [("***", "b-***"), ("***", "BA***")]
    assert rows[0][3] == rows[1][3]
    assert rows[0][3].startswith("plate:")
    assert small.sql("select class, normal from pii.vault") == [("plate", "BAB12")]
    forget_settings()


def test_a_type_that_yaml_has_cut_stops_the_build(install, small_project, tmp_path):
    project = changed(small_project, tmp_path, (JUDGED, "data_type: integer,", "data_type: numeric(9,1),"))
    with pytest.raises(SluiceError, match=r"columns.size.data_type: 'numeric\(9' lacks a bracket.*in quotes"):
        install(project, TEST_PROJECT / "checks")
    forget_settings()
