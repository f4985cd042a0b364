"""Dates as a person writes them, in each language that is spoken."""

from datetime import date

_WRITTEN = {
    "en": "{day} {month} {year}",
    "es": "{day} de {month} de {year}",
    "de": "{day}. {month} {year}",
}
_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
}


def written(day: date, locale: str) -> str:
    """Write a day out, as `21 November 2026`."""
    month = _MONTHS[locale].split()[day.month - 1]
    return _WRITTEN[locale].format(day=day.day, month=month, year=day.year)
