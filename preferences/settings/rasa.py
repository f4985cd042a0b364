"""Where the Rasa servers and the actions are."""

from pathlib import Path

from pydantic import Field, SecretStr

from preferences.settings.base import Group, Words


class RasaSettings(Group):
    """What understands the words."""

    rasa_env: Path = Field(
        Path(".venv-rasa"), description="the Python 3.10 environment of the Rasa server"
    )
    model_dir: Path = Field(
        Path("models"), description="folder of trained models, named by content, shared safely"
    )
    rasa_urls: Words = Field(
        ("http://127.0.0.1:5005",),
        description="comma-separated Rasa servers; a shopper stays with one",
    )
    rasa_processes: int = Field(
        1, ge=1, le=64, description="Rasa servers that `python -m bot` starts"
    )
    actions_url: str = Field(
        "http://127.0.0.1:5055/webhook", description="where the Rasa server finds the actions"
    )
    turn_secret: SecretStr = Field(
        SecretStr(""), description="shared by gateway and Rasa; empty: generated and kept"
    )
