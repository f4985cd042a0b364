"""The model follows its sources, and is trained once."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.launch.errors import LaunchError
from bot.launch.training import SOURCES, fingerprint, model_for
from tests.bot.launch.stage import RememberingScreen


class RememberingTrainer:
    """Writes a model like `rasa train`, slowly enough to be met by another."""

    def __init__(self) -> None:
        self.names: list[str] = []

    async def __call__(self, folder: Path, name: str) -> None:
        self.names.append(name)
        await asyncio.sleep(0.1)
        (folder / f"{name}.tar.gz").write_text("a model")


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    for name in (
        "domain.yml",
        "config.yml",
        "uv.lock",
        "data/nlu/greet.yml",
        "preferences/questions/gift.yml",
        "bot/components/acts.py",
        "bot/gateway.py",
        "preferences/settings/store.py",
    ):
        file = tmp_path / "project" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path / "project"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda at: (at / "domain.yml").write_text("new"), id="a file's content"),
        pytest.param(lambda at: (at / "config.yml").unlink(), id="a file is gone"),
        pytest.param(lambda at: (at / "uv.lock").write_text("new"), id="the libraries"),
        pytest.param(lambda at: (at / "data/nlu/stop.yml").write_text("new"), id="a new file"),
        pytest.param(
            lambda at: (at / "data/nlu/greet.yml").rename(at / "data/nlu/hello.yml"), id="a name"
        ),
        pytest.param(
            lambda at: (at / "preferences/questions/gift.yml").write_text("new"), id="a question"
        ),
        pytest.param(lambda at: (at / "bot/components/acts.py").write_text("new"), id="our code"),
    ],
)
def test_a_changed_source_asks_for_another_model(
    sources: Path, change: Callable[[Path], object]
) -> None:
    before = fingerprint(sources)
    change(sources)

    assert fingerprint(sources) != before


def test_what_is_no_source_changes_nothing(sources: Path) -> None:
    before = fingerprint(sources)
    (sources / "bot/gateway.py").write_text("new")
    (sources / "preferences/settings/store.py").write_text("new")
    (sources / "bot/components/__pycache__").mkdir()
    (sources / "bot/components/__pycache__/acts.pyc").write_text("compiled")
    (sources / "data/.swap").write_text("an editor's")
    (sources / "domain.yml").touch()

    assert fingerprint(sources) == before


def test_content_that_moves_from_one_file_to_the_next_is_a_change(sources: Path) -> None:
    (sources / "data/a.yml").write_text("xy")
    (sources / "data/b.yml").write_text("z")
    before = fingerprint(sources)
    (sources / "data/a.yml").write_text("x")
    (sources / "data/b.yml").write_text("yz")

    assert fingerprint(sources) != before


def test_every_source_of_this_project_exists() -> None:
    project = Path(__file__).parents[3]

    assert [name for name in SOURCES if not (project / name).exists()] == []


async def test_a_model_is_trained_once_and_found_afterwards(sources: Path, tmp_path: Path) -> None:
    trainer, screen = RememberingTrainer(), RememberingScreen()
    first = await model_for(sources, tmp_path / "models", trainer, screen)
    again = await model_for(sources, tmp_path / "models", trainer, screen)

    assert first == again == tmp_path / "models" / f"{fingerprint(sources)}.tar.gz"
    assert first.read_text() == "a model"
    assert trainer.names == [fingerprint(sources)]


async def test_two_that_need_the_same_model_train_it_once(sources: Path, tmp_path: Path) -> None:
    trainer, screen = RememberingTrainer(), RememberingScreen()
    models = await asyncio.gather(
        *(model_for(sources, tmp_path / "models", trainer, screen) for _ in range(2))
    )

    assert models[0] == models[1]
    assert len(trainer.names) == 1
    assert screen.lines == ["Another instance is training the model …"]


async def test_a_training_that_failed_leaves_nothing_behind(sources: Path, tmp_path: Path) -> None:
    async def fail(folder: Path, name: str) -> None:
        (folder / f"{name}.tar.gz").write_text("half a mod")
        message = "training ended with exit code 1"
        raise LaunchError(message)

    with pytest.raises(LaunchError, match="exit code 1"):
        await model_for(sources, tmp_path / "models", fail, RememberingScreen())

    assert [file.name for file in (tmp_path / "models").iterdir()] == [".lock"]


async def test_a_folder_that_cannot_be_written_is_named(sources: Path, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")

    with pytest.raises(LaunchError, match=r"models \(File exists\).*ASKFIRST_MODEL_DIR"):
        await model_for(sources, tmp_path / "models", RememberingTrainer(), RememberingScreen())
