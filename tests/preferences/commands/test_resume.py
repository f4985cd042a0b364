import asyncio
from pathlib import Path

import pytest

from preferences.__main__ import main
from preferences.store.engine import open_store
from preferences.store.tables import PausedQuestionRow
from tests.preferences.scenes import NOW
from tests.vaults import KEYS, VAULT


def test_a_question_goes_on_and_one_that_does_not_pause_is_told(
    monkeypatch: pytest.MonkeyPatch,
    store_url: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ASKFIRST_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ASKFIRST_DATABASE_URL", store_url)
    monkeypatch.setenv("ASKFIRST_KEYS_FILE", str(KEYS))

    async def pause() -> None:
        async with open_store(store_url, VAULT) as store, store.begin() as session:
            session.add(PausedQuestionRow(question_id="motive", why="declined", paused_at=NOW))

    asyncio.run(pause())

    assert main(["resume", "motive"]) == 0
    assert capsys.readouterr().out == "motive may be asked again.\n"
    assert main(["resume", "motive"]) == 2
    assert "does not pause" in capsys.readouterr().err
