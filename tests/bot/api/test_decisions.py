"""Why a shopper was asked, as the API tells it."""

from typing import Any

from tests.bot.api.conftest import Api
from tests.preferences.store.shop import Shop


async def test_decisions_are_told_page_by_page_with_sentences(api: Api) -> None:
    shop = Shop(api.store)
    talk = await shop.meets("1")
    for _ in range(3):
        await shop.sees(talk, "opened")
    path = f"/v1/shoppers/{talk.shopper}/decisions"
    whole = (await api.get(path)).json

    seen: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await api.get(f"{path}?limit=2{f'&cursor={cursor}' if cursor else ''}")).json
        seen += page["decisions"]
        cursor = page["next"]

    assert seen == whole["decisions"]
    assert len(seen) == 3
    assert (seen[0]["question"], seen[0]["trigger"], seen[0]["channel"]) == (None, "opened", "web")
    assert seen[0]["reasons"] == [
        {
            "code": "nothing_to_ask",
            "stage": "value",
            "question": "",
            "sentence": "Nothing had happened that makes a question worth asking.",
        }
    ]
    assert seen[0]["inputs"]["trigger"] == "opened"
    assert (await api.get(f"{path}?cursor=x")).status == 422
    assert (await api.get("/v1/shoppers/nobody/decisions")).status == 404
