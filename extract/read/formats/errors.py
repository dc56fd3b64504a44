"""Answers of a server that are no data: error bodies in JSON and XML, told by their shape."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

SURE = {
    "error", "errors", "fault", "exception", "exceptions", "errorcode", "errormessage", "errordescription",
    "errordetails", "errorlist", "apierror",
}  # fmt: skip
USUAL = {
    "message", "messages", "code", "status", "statuscode", "statusmessage", "statustext", "detail", "details", "title",
    "type", "timestamp", "path", "requestid", "traceid", "instance", "success", "ok", "reason", "description", "method",
    "documentationurl", "hostid", "resource", "result", "help", "data", "msg", "fields",
}  # fmt: skip
SAYING = {"message", "detail", "title", "reason", "msg", "statusmessage", "description"}
FAILED = {"error", "errors", "fail", "failed", "failure", "unauthorized", "forbidden"}
ROOTS = {
    "error", "errors", "fault", "exception", "errorresponse", "exceptionreport", "serviceexceptionreport",
    "serviceexception", "apierror", "problem",
}  # fmt: skip
REMEDY = (
    "This is an error answer in place of the data: fetch it again, and check the address and the login if it comes "
    "twice."
)


def json_error(body: Mapping[str, Any]) -> str | None:
    """What a JSON object says that it is, if that is an error answer. Lists and objects in it may stand as True."""
    keys = {_plain(key): value for key, value in body.items()}
    sure = [key for key in keys if key in SURE and _filled(keys[key])]
    failed = keys.get("success") is False or keys.get("ok") is False or _code(keys)
    if sure or (failed and set(keys) & SAYING) or (_only_usual(keys) and failed):
        return f"an error answer, a JSON object with the keys {', '.join(list(body)[:6])}{_told(keys)}"
    if _only_usual(keys) and set(keys) & SAYING and not any(value is True or value == {} for value in keys.values()):
        return f"an error answer, a JSON object with the keys {', '.join(list(body)[:6])}"
    return None


def xml_error(root: str, children: Iterable[str] = ()) -> str | None:
    """The same for an XML document, by the names of its outermost elements without their prefixes."""
    names = {_plain(name) for name in children}
    if _plain(root) == "html":
        return "an HTML page"
    if _plain(root) in ROOTS or (_plain(root) == "envelope" and "fault" in names):
        return f"an XML error document whose outermost element is <{root}>"
    return None


def _plain(key: str) -> str:
    return re.sub(r"[^a-z]", "", key.rsplit(":", 1)[-1].lower())


def _filled(value: Any) -> bool:
    return value not in (None, False, "", "0", "null", "none") and value != [] and value != {}


def _code(keys: Mapping[str, Any]) -> bool:
    """A status that speaks of failure: a number from 400, or a word."""
    for name in ("status", "statuscode", "code", "result"):
        value = str(keys.get(name, "")).lower()
        if value in FAILED or re.fullmatch(r"[45]\d\d", value):
            return True
    return False


def _only_usual(keys: Mapping[str, Any]) -> bool:
    return bool(keys) and set(keys) <= USUAL | SURE


def _told(keys: Mapping[str, Any]) -> str:
    """The code in it, where it is one: a word or a number, nothing that could be personal."""
    for name in ("errorcode", "code", "statuscode", "status", "error"):
        value = keys.get(name)
        if isinstance(value, str) and re.fullmatch(r"[A-Za-z]{0,40}[_A-Za-z]{0,20}\d{0,5}", value) and value:
            return f" and {name} {value}"
    return ""
