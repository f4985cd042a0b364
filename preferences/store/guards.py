"""Keeps the ledgers append-only, on both databases, whoever writes to them."""

from sqlalchemy import Connection, text

LEDGERS = ("answer", "consent_event", "decision", "link")
"""Tables whose rows are never changed, and removed only for a shopper named in `removal`."""

FIXED = ("notice",)
"""Tables whose rows are neither changed nor removed."""

_KEYS = {
    "answer": ("id", "ask_id"),
    "consent_event": ("id", "shopper_id seq", "shopper_id idempotency_key"),
    "decision": ("id",),
    "link": ("id",),
    "notice": ("sha256",),
}
_ROW = "EXISTS (SELECT 1 FROM"
_OPEN = "(SELECT 1 FROM removal WHERE shopper_id = OLD.shopper_id)"
_BODY = "RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
_EMPTYING = "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"


def guard_ledgers(connection: Connection) -> None:
    """Create the triggers that refuse what a ledger must not suffer."""
    statements = _postgresql() if connection.dialect.name == "postgresql" else _sqlite()
    for statement in statements:
        connection.execute(text(statement))


def _sqlite() -> list[str]:
    """Refuse `INSERT OR REPLACE` too: it removes a row and fires no trigger of a removal."""
    refuse = "BEGIN SELECT RAISE(ABORT, 'a ledger only grows'); END"
    unless = f"WHEN NOT EXISTS {_OPEN} {refuse}"
    return [
        *(_trigger("fixed", "UPDATE", table, refuse) for table in (*LEDGERS, *FIXED)),
        *(_trigger("kept", "DELETE", table, unless) for table in LEDGERS),
        *(_trigger("kept", "DELETE", table, refuse) for table in FIXED),
        *(
            _trigger("once", "INSERT", table, f"WHEN {_is_there(table)} {refuse}")
            for table in (*LEDGERS, *FIXED)
        ),
    ]


def _is_there(table: str) -> str:
    """Tell in SQL that a row of one of the keys of the new one is there."""
    keys = [" AND ".join(f"{name} = NEW.{name}" for name in key.split()) for key in _KEYS[table]]
    found = [f"{_ROW} {table} WHERE {key})" for key in keys]
    return f"({' OR '.join(found)})"


def _postgresql() -> list[str]:
    refused = "RAISE EXCEPTION 'a ledger only grows'"
    unless = f"IF NOT EXISTS {_OPEN} THEN {refused}; END IF"
    change = "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    removal = "FOR EACH ROW EXECUTE FUNCTION refuse_removal()"
    return [
        f"CREATE FUNCTION refuse_change() {_BODY} {refused}; END $$",
        f"CREATE FUNCTION refuse_removal() {_BODY} {unless}; RETURN OLD; END $$",
        *(_trigger("fixed", "UPDATE", table, change) for table in (*LEDGERS, *FIXED)),
        *(_trigger("kept", "DELETE", table, removal) for table in LEDGERS),
        *(_trigger("kept", "DELETE", table, change) for table in FIXED),
        *(_trigger("whole", "TRUNCATE", table, _EMPTYING) for table in (*LEDGERS, *FIXED)),
    ]


def _trigger(name: str, event: str, table: str, action: str) -> str:
    return f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} {action}"
