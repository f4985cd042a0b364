import pytest

from preferences.errors import (
    AskfirstError,
    BadInputError,
    CatalogueError,
    NotFoundError,
    SettingsError,
    UnavailableError,
)


@pytest.mark.parametrize(
    "kind", [SettingsError, CatalogueError, BadInputError, NotFoundError, UnavailableError]
)
def test_every_error_is_ours_and_its_text_is_the_sentence_alone(kind: type[AskfirstError]) -> None:
    error = kind("Mend it.")

    assert isinstance(error, AskfirstError)
    assert str(error) == "Mend it."


def test_bad_input_may_name_the_place_in_the_body() -> None:
    assert BadInputError("Mend it.", field="line_items.0.sku").field == "line_items.0.sku"
    assert BadInputError("Mend it.").field == ""
