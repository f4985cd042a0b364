from pathlib import Path

from bot.launch.welcome import sealed_with


def test_who_starts_for_the_first_time_is_told_where_the_keys_are_and_to_back_them_up() -> None:
    said = sealed_with(Path("/data/keys.json"))

    assert "/data/keys.json" in said
    assert "Back it up" in said
