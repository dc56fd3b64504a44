"""How long a fetch waits, how often it tries again, and how much it takes."""

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from warehouse.errors import SluiceError
from warehouse.settings import settings


class Patience(BaseModel):
    """Bounds of one fetch; SLUICE_FETCHING says other ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attempts: int = Field(default=5, ge=1, description="Requests for one thing before it is given up.")
    backoff: float = Field(default=1.0, ge=0, description="Seconds before the first repetition; doubled each time.")
    longest_wait: float = Field(default=300.0, ge=0, description="Seconds that a wait or a Retry-After may take.")
    connect: float = Field(default=10.0, gt=0, description="Seconds to connect.")
    read: float = Field(default=60.0, gt=0, description="Seconds without a byte.")
    total: float = Field(default=3600.0, gt=0, description="Seconds for one body, however steadily it drips.")
    redirects: int = Field(default=5, ge=0)
    bytes: int = Field(default=20 * 2**30, gt=0, description="Of one body.")
    page_bytes: int = Field(default=64 * 2**20, gt=0, description="Of a page of an API, or of a listing.")
    pages: int = Field(default=10_000, gt=0, description="Of one API delivery.")


def patience() -> Patience:
    """The defaults, and what SLUICE_FETCHING says instead."""
    try:
        return Patience.model_validate(settings().fetching)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        known = ", ".join(Patience.model_fields)
        raise SluiceError(f"SLUICE_FETCHING: {place}: {problem['msg']}. There are: {known}.") from error
