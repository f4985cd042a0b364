"""Sees before the start whether the keys are those that the store was sealed with."""

from sqlalchemy import select

from preferences.store.engine import Store
from preferences.store.rotation import sealed_columns
from preferences.store.sealed import PREFIX
from preferences.store.vault import SealError, lost_keys


async def check_keys(store: Store) -> None:
    """Open one sealed value of each kind.

    :raises SettingsError: the keys do not fit.
    """
    for table, columns in sealed_columns():
        for column in columns:
            query = select(*table.primary_key, column).where(column.is_not(None), column != "")
            async with store.begin(readonly=True) as session:
                connection = await session.connection()
                row = (await connection.execute(query.limit(1))).first()
            if row is None:
                continue
            *key, sealed = row
            place = f"{table.name}.{column.name.removeprefix(PREFIX)}"
            try:
                store.vault.open(sealed, place, "/".join(map(str, key)))
            except SealError:
                raise lost_keys(store.vault.file) from None
