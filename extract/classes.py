"""The classes of personal data: the built-in ones, and those of the project's registry (dbt_project.yml, the variable
`pii_classes`). What each does with a value stands in dbt_project/macros/mask/."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from warehouse.errors import SluiceError
from warehouse.settings import settings

BUILT_IN = (
    "email",
    "phone",
    "person_name",
    "street_address",
    "date_of_birth",
    "government_id",
    "ip",
    "free_text",
    "none",
)


class Custom(BaseModel):
    """A class of the registry: SQL over `{value}`, and whether it has a token."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    normalised: str = "btrim({value})"
    masked: str | None = None
    has_token: bool = True


@cache
def registry(project: Path) -> dict[str, Custom]:
    """The project's own classes. Raises SluiceError, with file and key, where one cannot be used."""
    file = project / "dbt_project.yml"
    document: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}
    found: dict[str, Custom] = {}
    for name, entry in ((document.get("vars") or {}).get("pii_classes") or {}).items():
        try:
            found[name] = Custom.model_validate(entry or {})
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(str(part) for part in ("vars.pii_classes", name, *problem["loc"]))
            raise SluiceError(f"{file}: {place}: {problem['msg']}.") from error
        if name in BUILT_IN or not name.replace("_", "a").isalnum() or not name.islower():
            raise SluiceError(f"{file}: vars.pii_classes.{name}: call it otherwise: lower-case words, none built in.")
        for key in ("normalised", "masked"):
            if (entry or {}).get(key) and "{value}" not in entry[key]:
                raise SluiceError(f"{file}: vars.pii_classes.{name}.{key}: {{value}} stands for the column; use it.")
    return found


def known(project: Path) -> tuple[str, ...]:
    """The names of all classes of a project."""
    return (*BUILT_IN, *registry(project))


def has_token(pii: str) -> bool:
    """Whether history holds a token for columns of a class, in this process's project."""
    custom = registry(settings().dbt_project).get(pii)
    return custom.has_token if custom else pii not in ("none", "free_text")
