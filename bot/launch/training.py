"""The Rasa model that belongs to the sources as they are, trained when there is none yet."""

import hashlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.launch.errors import LaunchError
from bot.launch.locks import held_in_turn
from bot.launch.screen import Screen

# Everything that can change what the model does. The lock file stands for the libraries.
SOURCES = (
    "domain.yml",
    "config.yml",
    "data",
    "preferences/questions",
    "bot/components",
    "uv.lock",
)

_SUFFIX = ".tar.gz"

Train = Callable[[Path, str], Awaitable[None]]
"""Writes `<name>.tar.gz` into a folder."""


async def model_for(sources: Path, models: Path, train: Train, screen: Screen) -> Path:
    """Give the model of the sources, and train it first where it is not among the models.

    Instances share the folder: a model appears in it whole, under the hash of its sources, and is
    never changed. Two that need the same one do not train it twice.

    :raises LaunchError: the training failed, or the folder cannot be written.
    """
    model = models / f"{fingerprint(sources)}{_SUFFIX}"
    if _is_there(model):
        return model
    try:
        await _train_in_turn(model, train, screen)
    except OSError as error:
        message = (
            f"The model cannot be written to {models} ({error.strerror}); "
            "make that folder writable, or set ASKFIRST_MODEL_DIR."
        )
        raise LaunchError(message) from None
    return model


async def _train_in_turn(model: Path, train: Train, screen: Screen) -> None:
    async with held_in_turn(
        _lock(model.parent), lambda: screen.line("Another instance is training the model …")
    ):
        if not _is_there(model):
            await _train_into(model, train)


async def _train_into(model: Path, train: Train) -> None:
    with TemporaryDirectory(prefix=".training-", dir=model.parent) as draft:
        await train(Path(draft), model.name.removesuffix(_SUFFIX))
        (Path(draft) / model.name).replace(model)


def _is_there(model: Path) -> bool:
    return model.exists()


def _lock(models: Path) -> Path:
    models.mkdir(parents=True, exist_ok=True)
    return models / ".lock"


def fingerprint(folder: Path) -> str:
    """Hash the sources of the model below a folder: their names and their content."""
    digest = hashlib.sha256()
    for file in _files(folder):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:20]


def _files(folder: Path) -> Iterator[Path]:
    for source in SOURCES:
        place = folder / source
        if place.is_file():
            yield place
        yield from sorted(file for file in place.rglob("*") if file.is_file() and _matters(file))


def _matters(file: Path) -> bool:
    return "__pycache__" not in file.parts and not file.name.startswith(".")
