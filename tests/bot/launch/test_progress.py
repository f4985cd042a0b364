"""What a slow part is doing is read from its log."""

from pathlib import Path

from bot.launch.progress import following, last_stage
from tests.bot.launch.stage import RememberingScreen, eventually

TRAINING = """\
2026-11-22 15:30:01 INFO     rasa.engine.training.hooks  - Starting to train component 'RulePolicy'.
Processed rules:  50%|####      | 1/2 [00:00<00:00, 1.2it/s]
2026-11-22 15:30:04 INFO     rasa.engine.training.hooks  - Finished training component 'RulePolicy'.
  a line of a library's
"""


def test_the_last_stage_is_the_last_message_of_rasa() -> None:
    assert last_stage(TRAINING) == "Finished training component 'RulePolicy'"


def test_a_log_without_messages_has_no_stage() -> None:
    assert not last_stage("UserWarning: something\n")
    assert not last_stage("")


async def test_the_stage_is_shown_while_the_work_lasts(tmp_path: Path) -> None:
    screen = RememberingScreen()
    (tmp_path / "training.log").write_text(TRAINING)
    async with following(screen, "Training", tmp_path / "training.log"):
        await eventually(lambda: screen.stages)

    assert screen.lines == ["Training"]
    assert screen.stages[0] == "Finished training component 'RulePolicy'"
