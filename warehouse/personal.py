"""How values of personal classes look, in one place for all rooms."""

import re
from ipaddress import ip_address

EMAIL = re.compile(r"[\w.%+'-]+@[\w-]+(\.[\w-]+)*\.[a-z]{2,}", re.IGNORECASE)
# With a plus, brackets or groups: ten bare digits are as often a reference number.
PHONE = re.compile(
    r"\+\d([() ./-]{0,2}\d){6,14}"
    r"|(1[ .-])?(\([2-9]\d{2}\)[ .-]?|[2-9]\d{2}[ .-])\d{3}[ .-]\d{4}( ?(x|ext\.?) ?\d{1,6})?"
    r"|\(0\d{1,4}\) ?\d{3,4} ?\d{3,4}|0\d([ .-]\d{2}){4}"
)
SSN = re.compile(r"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}")
OCTET = r"(25[0-5]|2[0-4]\d|1?\d?\d)"
IP = re.compile(rf"{OCTET}(\.{OCTET}){{3}}")
CARD = re.compile(r"[3-6]\d{3}([ -]?)\d{4}\1\d{4}\1\d{1,7}")


def is_card(cell: str) -> bool:
    """Whether a cell is the number of a payment card, by its check digit."""
    digits = re.sub(r"[ -]", "", cell)
    return bool(re.fullmatch(r"[3-6]\d{12,18}", digits)) and len(set(digits)) > 1 and _luhn(digits)


def looks_whole(pii: str, value: str) -> bool:
    """Whether a value is one of its class as a whole, so that it tells somebody wherever it stands: not `@`, nor the
    last digits of a number."""
    if pii == "email":
        return bool(re.fullmatch(r"[^\s@]+@[^\s@]+", value))
    if pii == "ip":
        return _is_ip(value)
    return sum(map(str.isalnum, value)) >= 7


def _is_ip(value: str) -> bool:
    try:
        return bool(ip_address(value))
    except ValueError:
        return False


def _luhn(digits: str) -> bool:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + position % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0


def _alone(pattern: re.Pattern[str]) -> re.Pattern[str]:
    """What a pattern finds where no longer word or number goes on before or behind it."""
    return re.compile(rf"(?<![\w.,/#-])(?:{pattern.pattern})(?!\w|[-.,/]\d)", pattern.flags)


# (what is found, what is put there, its class), from first to last.
PUT = (
    (EMAIL, "[e-mail]", "email"),
    (_alone(CARD), "[card]", "government_id"),
    (_alone(SSN), "[id]", "government_id"),
    (_alone(IP), "[ip]", "ip"),
    (_alone(PHONE), "[number]", "phone"),
    (_alone(re.compile(r"[2-9]\d{2}[2-9]\d{6}")), "[number]", "phone"),
)
STAND_INS = frozenset(put for _, put, _ in PUT)


def without_personal_values(name: str) -> str:
    """A name without the e-mails, numbers and IP addresses that stand in it; days and years stay."""
    for pattern, put, _ in PUT:
        name = pattern.sub(put, name)
    return name


def values_in(name: str) -> list[tuple[str, str]]:
    """(class, value) of each that `without_personal_values` takes out of a name."""
    found = []
    for pattern, put, pii in PUT:
        found += [(pii, match[0]) for match in pattern.finditer(name)]
        name = pattern.sub(put, name)
    return found
