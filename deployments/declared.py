"""prefect.yaml, as frozen models: the one list of deployments, for a person, for Prefect's own tool and for ours."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from extract.schedule import Schedule
from warehouse.errors import SluiceError
from warehouse.settings import PROJECT

FILE = PROJECT / "prefect.yaml"
OWN_TAG = "sluice"  # marks what `sluice deploy` may take away again


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Pool(Strict):
    """Where the deployment's runs go."""

    name: str


class Limit(Strict):
    """How many runs of a deployment at once, and what becomes of one more."""

    limit: int
    collision_strategy: Literal["ENQUEUE", "CANCEL_NEW"]


class Timed(Schedule):
    """A schedule of a deployment itself."""

    slug: str


class Deployment(Strict):
    """One deployment of prefect.yaml."""

    name: str
    description: str
    # A module's path: for a file's, Prefect would put flows/ before all else, and flows/publish.py hide publish/.
    entrypoint: str
    work_pool: Pool
    tags: tuple[str, ...] = ()
    parameters: dict[str, Any] = {}
    schedules: tuple[Timed, ...] = ()
    concurrency_limit: Limit | None = None

    def version(self, pull: list[dict[str, Any]]) -> str:
        """A hash of all that is declared but the schedules, which are compared one by one, and of the flow's file."""
        said = {**self.model_dump(mode="json", exclude={"schedules"}), "pull": pull}
        source = (PROJECT / self.entrypoint.rpartition(".")[0].replace(".", "/")).with_suffix(".py").read_bytes()
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode() + source).hexdigest()[:16]


class Declared(Strict):
    """All of prefect.yaml that counts."""

    pull: list[dict[str, Any]]
    deployments: tuple[Deployment, ...]


def declared(file: Path = FILE) -> Declared:
    """What prefect.yaml declares. Raises SluiceError with file, key and remedy."""
    text = file.read_text(encoding="utf-8")
    try:
        document = yaml.safe_load(text)
        pull = [_step(step) for step in document["pull"]]
        return Declared.model_validate({"pull": pull, "deployments": document["deployments"]})
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise SluiceError(f"{file}: not readable: {error}. Compare it with the one in the repository.") from error
    except ValidationError as error:
        problem = error.errors()[0]
        path = ".".join(str(part) for part in problem["loc"])
        raise SluiceError(f"{file}: {path}: {problem['msg']}. Mend the key, or take it out.") from error


def _step(step: dict[str, Any]) -> dict[str, Any]:
    """A pull step with the project's folder in it, as Prefect's own tool would take it from SLUICE_PROJECT."""
    written = re.sub(r"\{\{ *\$SLUICE_PROJECT *\}\}", str(PROJECT), json.dumps(step))
    found: dict[str, Any] = json.loads(written)
    return found
