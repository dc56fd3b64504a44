"""What looks personal by its name. (What looks so by its content: checks/personal.py.)"""

import re
from collections.abc import Collection, Sequence

from warehouse.personal import STAND_INS, without_personal_values

# Words of a column's name or header, joined by _, from the most to the least telling.
NAMES = (
    ("email", r"e_?mails?(_addr(ess)?)?(_?\d)?"),
    ("phone", r"(tele)?phones?|tel|mobile|cell(phone)?|fax|(tele)?phone_?(no|number|\d)"),
    ("date_of_birth", r"dob|birth_?(date|day)|date_of_birth|born(_on)?"),
    ("government_id", r"ssn|social_security|passport|national_(id|insurance)|tax_id|tin|nino|driv\w*_licen[sc]e"),
    ("ip", r"ip(v[46])?|ip_?addr(ess)?"),
    ("street_address", r"street(_?address)?|(home|mailing|postal|site)_address|address(_?(line_?)?\d)?"),
    (
        "person_name",
        r"(sur|fore|nick)name|(first|last|full|given|family|middle|maiden|contact|person|licensee|applicant|employee"
        r"|customer|patient|owner|keeper|director)s?_names?",
    ),
)
NOT_PERSONAL = re.compile(r"web_?site|url|(count|number)_of|_(type|kind|status|flag|count|consent)(_|$)")


def looks_personal(*names: str) -> str | None:
    """The class that a column's name, or one of its headers, makes one think of; None where none does."""
    for name in names:
        words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
        if NOT_PERSONAL.search(words):
            continue
        for pii, pattern in NAMES:
            if re.search(rf"(^|_)({pattern})(_|$)", words):
                return pii
    return None


def tellable(header: Sequence[str], declared: Collection[int]) -> list[str]:
    """The names of a file as the ledger may tell them; `declared` are the places of those that its feed declares.

    Declared ones stay. Of the others e-mails, numbers and IP addresses are taken out. Where one of them is nothing
    else, and they are the more, the line is as likely a person's record as a header: each is told by its place.
    """
    told = {place: without_personal_values(name) for place, name in enumerate(header) if place not in declared}
    if len(told) > len(declared) and not {name.strip() for name in told.values()}.isdisjoint(STAND_INS):
        told = {place: f"column {place + 1}" for place in told}
    return [told.get(place, name) for place, name in enumerate(header)]
