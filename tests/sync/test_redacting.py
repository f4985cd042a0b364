import pytest

from sync.redacting import redacted


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("write to kim.o'hara+shop@mail.example.com, please", "write to [email], please"),
        ("call +49 (30) 123-456 or 0171/2345678.", "call [number] or [number]."),
        ("born on 22.11.1990, order 4711-0815", "born on [number], order [number]"),
        ("IBAN DE89 3704 0044 0532 0130 00", "IBAN DE[number]"),
        ("see https://me.example/kim?x=1 and www.kim.example", "see [link] and [link]"),
        ("I am @kim.o_hara there", "I am [name] there"),
        ("size 42, 19.99 at most, since 2024", "size 42, 19.99 at most, since 2024"),
        ("para mi hermana, 2 x 500 ml", "para mi hermana, 2 x 500 ml"),
        ("", ""),
    ],
)
def test_what_leads_to_a_person_is_taken_out_and_the_rest_stays(words: str, left: str) -> None:
    assert redacted(words) == left
    assert redacted(left) == left
