"""The reader's limits, as the settings have them."""

from pydantic import ValidationError

from extract.read import Limits
from warehouse.errors import SluiceError
from warehouse.settings import settings


def limits() -> Limits:
    """How much the reader bears: its safe defaults, and what SLUICE_LIMITS says instead."""
    try:
        return Limits(**settings().limits)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        known = ", ".join(Limits.model_fields)
        raise SluiceError(f"SLUICE_LIMITS: {place}: {problem['msg']}. There are: {known}.") from error
