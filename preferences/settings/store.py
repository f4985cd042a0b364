"""Where the store is, and how long it keeps what."""

from pathlib import Path

from pydantic import Field, field_validator

from preferences.settings.base import Group


class StoreSettings(Group):
    """The store, its keys and its journal."""

    data_dir: Path = Field(Path("var"), description="folder of everything this instance writes")
    database_url: str = Field(
        "",
        description="postgresql://user:password@host/name; empty: SQLite in the data folder",
    )
    keys_file: Path | None = Field(
        None,
        description="JSON file of the keys that seal names and words; empty: keys.json in the data"
        " folder, generated at the first start",
    )
    journal: Path | None = Field(
        None,
        description="file of wishes and erasures that outlives the database; empty: journal.jsonl"
        " in the data folder; never bring it back from an old backup",
    )
    keep_messages_days: int = Field(
        30, ge=1, description="days that conversations are kept, and idle chats of strangers"
    )
    keep_words_days: int = Field(
        30, ge=1, description="days that a shopper's own words are kept beside the answer"
    )
    keep_answers_days: int = Field(
        396, ge=1, description="days that answers, questions asked and decisions are kept"
    )
    keep_orders_days: int = Field(1096, ge=1, description="days that orders are kept")
    keep_unread_days: int = Field(
        14, ge=1, description="days that reports of the shop are kept that could not be read"
    )
    keep_deliveries_days: int = Field(
        30, ge=1, description="days that the log of outgoing webhooks is kept"
    )

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value and not value.startswith(("postgresql://", "sqlite:///")):
            message = "must begin with postgresql:// or sqlite:///, or be left empty for SQLite"
            raise ValueError(message)
        return value

    @property
    def database(self) -> str:
        """The store's URL without a driver: `sqlite:////absolute/file` or `postgresql://...`."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'askfirst.db'}"

    @property
    def keys(self) -> Path:
        """The file of the keys that seal names and words."""
        return self.keys_file or self.data_dir.resolve() / "keys.json"

    @property
    def own_journal(self) -> Path:
        """The file of wishes and erasures that outlives the database."""
        return self.journal or self.data_dir.resolve() / "journal.jsonl"
