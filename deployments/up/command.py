"""Going up and down."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from deployments.up import page, parts
from deployments.up.parts import DEMO_BUCKET, DEMO_PREFIX, Part
from deployments.up.processes import Process, Register, start, stop
from extract.feeds import catalogue
from flows.server import answers
from warehouse import embedded
from warehouse.errors import SluiceError
from warehouse.settings import PROJECT, settings

START_SECONDS = 300.0  # seen: all of it in 30 s on 2 cores, and more on a busy machine
FEW = 8  # changes that are told one by one
IN_THE_FRONT = ("s3", "prefect", "worker", "listener", "pages", "docs")
Say = Callable[[str], None]


def up(say: Say, *, demo_s3: bool) -> None:
    """Start what does not run yet. What an earlier call started is found by id and left alone."""
    going = Going(say)
    with going.register.held():
        running = going.running
        if running and all(process.alive for process in running.values()) and "pages" in running:
            say(f"Already up: {running['pages'].address}")
        try:
            going.go(demo_s3)
        except BaseException:
            say("Not all came up; what did runs on. `sluice down` ends it.")
            raise
    going.tell()


def down(say: Say) -> None:
    """Stop what was started, the last first, by process id; and the embedded server, unless somebody else uses it."""
    register = Register(settings().folder("up"))
    with register.held():
        running = register.read()
        for name in sorted(running, key=IN_THE_FRONT.index, reverse=True):
            stop(running[name])
            say(f"{name}: stopped")
        register.write({})
    if not running:
        say("Nothing was up.")
    if not embedded.stop_unused(settings().home):
        say("The warehouse runs on: another process uses it. It ends with that one, or by `sluice stop`.")


class Going:
    """One way up."""

    def __init__(self, say: Say) -> None:
        self.say, self.folder = say, settings().folder("up")
        self.register = Register(self.folder)
        self.running = self.register.read()
        self.environment = parts.environment()
        self.commands: list[str] = []

    def go(self, demo_s3: bool) -> None:
        """Each part, in order; later ones stand on earlier ones."""
        pages_folder = settings().folder("pages")
        page.write(pages_folder, {}, [])
        self.environment["SLUICE_PAGES_URL"] = self.have("pages", lambda: parts.pages(pages_folder))
        if demo_s3 or "s3" in self.running:
            self._demo(self.have("s3", parts.s3))
        self.environment["PREFECT_API_URL"] = self.have("prefect", parts.prefect) + "/api"
        self._deploy()
        self.have("worker", parts.worker)
        if self.environment.get("SLUICE_EVENTS_QUEUE"):
            self.have("listener", parts.listener)
        self._page(pages_folder)
        self.have("docs", parts.docs)

    def have(self, name: str, make: Callable[[], Part]) -> str:
        """Start a part unless it runs, and wait until it is ready; gives its address, if it has one."""
        if name not in self.running:
            part, log = make(), self.folder / f"{name}.log"
            log.write_bytes(b"")
            process = start(name, part.command, log, self.environment | part.environment, part.address)
            self.running[name] = process
            self.register.write(self.running)
            self._wait(part, process, log)
            self.say(f"{name}: {part.address or 'up'}")
        return self.running[name].address or ""

    def _wait(self, part: Part, process: Process, log: Path) -> None:
        until = time.monotonic() + START_SECONDS
        while not _ready(part, log):
            if not process.alive or time.monotonic() > until:
                last = " ".join(log.read_text(errors="replace").split()[-40:])
                raise SluiceError(f"{part.name} did not come up; its log is {log}. It ends: {last}")
            time.sleep(0.2)

    def _deploy(self) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli", "deploy"],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SluiceError(f"The deployments were not taken: {done.stderr.strip()}")
        changes = [line for line in done.stdout.splitlines() if line.endswith(("added", "changed", "removed"))]
        self.say(f"deployments: {len(changes)} changes" if changes else "deployments: as the files say")
        for change in changes if len(changes) <= FEW else ():
            self.say(f"  {change}")

    def _demo(self, address: str) -> None:
        """A bucket, its queue and its topic on the demo's S3, and the settings that point at them."""
        from deployments.demo_aws import prepare, topic

        access = {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "demo", "AWS_SECRET_ACCESS_KEY": "demo"}
        self.environment |= access | {"AWS_DEFAULT_REGION": "us-east-1"}
        clients = _clients(self.environment)
        made = prepare(clients("s3"), clients("sqs"), DEMO_BUCKET, DEMO_PREFIX)
        self.environment |= {
            "SLUICE_DROP_FOLDER": f"s3://{DEMO_BUCKET}/{DEMO_PREFIX}",
            "SLUICE_EVENTS_QUEUE": made.queue,
            "SLUICE_ALARM_TOPIC": topic(clients("sns")),
        }
        self.commands = _a_file_to_drop(address)

    def _page(self, folder: Path) -> None:
        prefect = self.running["prefect"].address or ""
        links = {
            "Runs": (f"{prefect}/runs", "What runs and what ran, step by step, with the account of every record."),
            "Schedules": (f"{prefect}/deployments", "What runs when; each can be started by hand."),
            "Alarms": (f"{prefect}/automations", "What is watched, and who is told."),
            "Quality": ("report/", "What came, what was set aside and why; written anew every ten minutes."),
            "The warehouse": ("docs/", "Every table and column, and where it comes from."),
        }
        page.write(folder, links, [self._point_the_shell(), *self.commands, "sluice status"])

    def _point_the_shell(self) -> str:
        return f"export PREFECT_API_URL={self.environment['PREFECT_API_URL']}"

    def tell(self) -> None:
        """What a person types next."""
        address = self.running["pages"].address
        self.say(f"\nEverything that runs: {address}")
        self.say(f"In this shell:        {self._point_the_shell()}")
        if self.commands:
            self.say("A file for the bucket: " + self.commands[0])
        self.say("To end it:            sluice down")


def _a_file_to_drop(address: str) -> list[str]:
    """A command that puts a sample into the bucket."""
    for feed in catalogue().feeds.values():
        pattern = Path(feed.arrives.drop)
        folder = settings().dbt_project / "models" / "staging" / feed.vendor / "samples"
        for sample in sorted(folder.glob(pattern.name)):
            shown = sample.relative_to(PROJECT) if sample.is_relative_to(PROJECT) else sample
            return [f"curl -T {shown} {address}/{DEMO_BUCKET}/{DEMO_PREFIX}{pattern.parent}/{sample.name}"]
    return []


def _ready(part: Part, log: Path) -> bool:
    if part.ready:
        return answers(part.ready)
    return part.says is None or part.says in log.read_text(errors="replace")


def _clients(environment: dict[str, str]) -> Callable[[str], object]:
    import boto3

    session = boto3.Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_DEFAULT_REGION"],
    )
    return lambda service: session.client(service, endpoint_url=environment["AWS_ENDPOINT_URL"])


def demo_asked() -> bool:
    """Whether SLUICE_DEMO_S3 asks for an S3 of our own."""
    return os.environ.get("SLUICE_DEMO_S3", "") not in ("", "0")
