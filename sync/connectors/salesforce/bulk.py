"""Jobs of Bulk API 2.0: many contacts as one CSV, and what became of each."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from sync.connectors.salesforce.org import KEY, PASSING, Org, distinct, reason, told_of
from sync.errors import BatchRefusedError
from sync.http import Answer
from sync.jobs import EVERYBODY

_NULL = "#N/A"  # an empty cell leaves a field as it is


async def begin(org: Org, records: Sequence[Mapping[str, Any]]) -> str:
    """Give a job all its records, and give its name.

    :raises BatchRefusedError: Salesforce does not take it.
    """
    order = {"object": "Contact", "externalIdFieldName": KEY, "operation": "upsert"}
    body = {**order, "contentType": "CSV", "lineEnding": "LF"}
    made = await org.call("POST", "jobs/ingest", body=body, granted=True)
    if not made.is_taken:
        raise BatchRefusedError(reason(made.body))
    job = str(made.body["id"])
    headers = {"Content-Type": "text/csv; charset=UTF-8"}
    path = f"jobs/ingest/{job}"
    sent = await org.call("PUT", f"{path}/batches", body=_csv(records), headers=headers)
    closed = await org.call("PATCH", path, body={"state": "UploadComplete"})
    for answer in (sent, closed):
        if not answer.is_taken:
            raise BatchRefusedError(reason(answer.body))
    return job


async def look(org: Org, job: str) -> dict[str, str | None] | None:
    """Look at a bulk job, and once it is over at what failed and what it did not come to."""
    answer = await org.call("GET", f"jobs/ingest/{job}")
    if not answer.is_taken:
        return {EVERYBODY: None}
    state = answer.body["state"]
    if state in ("Failed", "Aborted"):
        return {EVERYBODY: None}
    if state != "JobComplete":
        return None
    failed = await org.call("GET", f"jobs/ingest/{job}/failedResults")
    unprocessed = await org.call("GET", f"jobs/ingest/{job}/unprocessedrecords")
    wrong: dict[str, str | None] = {row[KEY]: None for row in _rows(unprocessed)}
    for row in _rows(failed):
        code, _, rest = row["sf__Error"].partition(":")
        names = rest.rpartition(":")[2].removesuffix("--").strip()
        wrong[row[KEY]] = None if code in PASSING else told_of(code, names)
    return wrong


def _csv(records: Sequence[Mapping[str, Any]]) -> bytes:
    """Write records as a bulk job wants them: empty cells leave a field alone, `#N/A` empties it."""
    names = distinct(*(name for one in records for name in one))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for one in records:
        writer.writerow([_cell(one[name]) if name in one else "" for name in names])
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    match value:
        case None:
            return _NULL
        case bool():
            return "true" if value else "false"
    return str(value)


def _rows(answer: Answer) -> list[dict[str, str]]:
    text = answer.body if answer.is_taken and isinstance(answer.body, str) else ""
    return list(csv.DictReader(io.StringIO(text, newline="")))
