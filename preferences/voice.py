"""How the assistant speaks outside of questions: one sentence for each occasion, in turn."""

from dataclasses import dataclass
from pathlib import Path

from preferences.catalogue import HERE, read_yaml
from preferences.errors import CatalogueError
from preferences.texts import LOCALES, fill


@dataclass(frozen=True, slots=True)
class Voice:
    """The wording of one shop, by locale and occasion; several variants where people vary too."""

    shop: str
    pages: dict[str, dict[str, tuple[str, ...]]]

    def say(self, occasion: str, locale: str, turn: int = 0, **facts: str) -> str:
        """Give the sentence for an occasion; `turn` chooses among its variants."""
        variants = self.pages[locale][occasion]
        return fill(variants[turn % len(variants)], {"shop": self.shop, **facts})

    def fill(self, text: str, **facts: str) -> str:
        """Put the shop's name and facts into a text of the catalogue."""
        return fill(text, {"shop": self.shop, **facts})


def load_voice(shop: str, folder: Path = HERE) -> Voice:
    """Read `wording/LOCALE.yml` for every locale.

    :raises CatalogueError: a locale lacks an occasion that another has, or has no words for it.
    """
    pages = {locale: _page(folder / "wording" / f"{locale}.yml") for locale in LOCALES}
    occasions = set().union(*pages.values())
    for locale, page in pages.items():
        if missing := occasions - set(page):
            message = f"wording/{locale}.yml: lacks {', '.join(sorted(missing))}."
            raise CatalogueError(message)
    return Voice(shop, pages)


def _page(file: Path) -> dict[str, tuple[str, ...]]:
    page = {}
    for occasion, said in read_yaml(file).items():
        variants = tuple(said) if isinstance(said, list) else (said,)
        if not variants or not all(isinstance(text, str) and text.strip() for text in variants):
            message = f"{file}: {occasion}: must be a sentence in quotes, or a list of them."
            raise CatalogueError(message)
        page[occasion] = variants
    return page
