"""Every setting of Sluice, in one place: environment variables that begin with SLUICE_."""

from functools import cache
from pathlib import Path

from pydantic import Field
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
    drop_folder: Path | None = Field(
        None,
        description="Where vendors' files are dropped, in the folders that feeds name; unset: drop/ in the home.",
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
        return self.drop_folder.expanduser().absolute() if self.drop_folder else self.folder("drop")

    @property
    def archive(self) -> str:
        """Where the archive lies: an s3:// URL or a folder's path."""
        return self.archive_url or str(self.folder("archive"))


@cache
def settings() -> Settings:
    """The settings of this process."""
    return Settings()  # type: ignore[call-arg]
