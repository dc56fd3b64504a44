"""Every setting of Sluice, in one place: environment variables that begin with SLUICE_."""

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT = Path(__file__).resolve().parents[1]


class Settings(BaseSettings):
    """What differs from one installation to another. Read once per process, by `settings()`."""

    model_config = SettingsConfigDict(env_prefix="SLUICE_", frozen=True, env_ignore_empty=True)

    home: Path = Field(
        PROJECT / ".sluice",
        description="Folder of the embedded database, the archive, the drop folder, the exports and the logs.",
    )
    warehouse_url: str | None = Field(
        None,
        description="postgresql://user:password@host:port/database of a PostgreSQL >= 16; unset: the embedded server.",
    )
    warehouse_linger: float = Field(
        30.0, description="Seconds that the embedded server goes on after its last user left."
    )
    archive_url: str | None = Field(None, description="s3://bucket/prefix, or a folder; unset: archive/ in the home.")
    archive_encryption: str | None = Field(
        None, description="How S3 is asked to encrypt archived objects: AES256, or the id of a KMS key."
    )
    keep_staged_days: int = Field(
        30, ge=0, description="Days that `sluice purge` leaves staged and judged rows of what is merged."
    )
    drop_folder: str | None = Field(
        None,
        description="Where vendors' files are dropped, in the folders that feeds name: a folder, or"
        " s3://bucket/prefix; unset: drop/ in the home.",
    )
    drop_settles: float = Field(
        2.0, description="Seconds for which a dropped file must not have changed: before that it is being written."
    )
    allow_addresses: str = Field(
        "",
        description="Private networks that fetches may connect to, as 10.1.0.0/16, ::1; others are refused.",
    )
    fetching: dict[str, float] = Field(
        {}, description='Patience and bounds of fetches, as JSON: {"attempts": 3}; see extract/collect/patience.py.'
    )
    sheets_url: str = Field("https://docs.google.com", description="Where published Google Sheets are.")
    events_queue: str | None = Field(
        None, description="URL of the SQS queue that is told of objects that come into the drop folder; unset: none."
    )
    events_run_in: Literal["consumer", "pool"] = Field(
        "consumer",
        description="Where what the queue tells is worked on: in the consumer's own warm process, or in the work pool.",
    )
    pages_url: str | None = Field(None, description="Where documentation and reports are served, for links to them.")
    alarm_topic: str | None = Field(None, description="ARN of the SNS topic that alarms are sent to; unset: none.")
    quarantine_bound: int = Field(
        10_000, ge=0, description="Open quarantined rows of an entity from which on an alarm is raised."
    )
    staging_cluster: str | None = Field(
        None, description="Address of a Dask cluster that stages large backlogs, or a number of local processes."
    )
    csv_for_spreadsheets: bool = Field(
        True,
        description="Whether exported CSV has an apostrophe before texts that a spreadsheet takes for a formula.",
    )
    vault_key: SecretStr | None = Field(
        None,
        description="What values of the vault are sealed with: a key file of `sluice pii key`, its text, or"
        " kms:KEY_ID; unset: they are not sealed.",
    )
    limits: dict[str, int] = Field(
        {},
        description='How much the reader bears, as JSON: {"unpacked_bytes": 100000000}; see extract/read/model.py.',
    )
    promote_files: str | None = Field(
        None, description="s3://bucket/prefix, or a folder, for the files of a promotion; unset: none are copied."
    )
    resolve: dict[str, str] = Field(
        {}, description='Registers to be asked, as JSON: {"dataset.doi": "https://..."}; unset: none is.'
    )
    smtp_url: SecretStr | None = Field(
        None,
        description="smtp://user:password@host:port (STARTTLS where offered), or smtps://; unset: no mail.",
    )
    mail_from: str = Field("sluice@localhost", description="Whom mails to owners come from.")
    sns_topic: str | None = Field(None, description="ARN of an SNS topic that hears what owners are told; unset: none.")
    dbt_project: Path = Field(PROJECT / "dbt_project", description="The dbt project with the vendors' folders.")
    checks_folder: Path = Field(PROJECT / "checks", description="The folder with contracts/ and gates/.")

    def folder(self, name: str) -> Path:
        """`home/name`, made if it is not there, open to its owner only."""
        folder = self.home.expanduser().absolute() / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    @property
    def drops(self) -> Path:
        """The drop folder, made if it is not there."""
        return Path(self.drop_folder).expanduser().absolute() if self.drop_folder else self.folder("drop")

    @property
    def drop_root(self) -> str:
        """Where dropped files lie: an s3:// URL or a folder's path."""
        in_s3 = self.drop_folder and self.drop_folder.startswith("s3://")
        return str(self.drop_folder) if in_s3 else str(self.drops)

    @property
    def archive(self) -> str:
        """Where the archive lies: an s3:// URL or a folder's path."""
        return self.archive_url or str(self.folder("archive"))


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings()  # type: ignore[call-arg]
