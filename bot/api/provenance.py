"""What proves one answer, in one call: who, when, in which words, by which act, permitted by what."""

from dataclasses import asdict

from pydantic import AwareDatetime, JsonValue

from bot.api.models import Text, View
from bot.api.operations import Call, operation
from bot.api.refusals import NOT_FOUND
from bot.api.shoppers import ShopperPath, person
from preferences.store.provenance import provenance


class AnswerPath(ShopperPath):
    """Which answer of which shopper."""

    answer: Text
    """The `id` of a preference, or of an answer of the history."""


class BasisView(View):
    """The consent event that an answer was kept under, and its place in the ledger."""

    event: str
    shopper: str
    purpose: str
    lawful_basis: str
    state: str
    method: str
    """By which act: a button, words, the API."""
    actor: str
    assurance: str
    locale: str
    channel: str
    message_id: str
    evidence_sha256: str | None
    """The hash of the words of the act."""
    notice: str | None
    """The text that was shown."""
    notice_version: int | None
    notice_sha256: str | None
    shown_at: AwareDatetime | None
    data_categories: list[str]
    recipients: list[str]
    occurred_at: AwareDatetime
    valid_until: AwareDatetime | None
    seq: int
    prev_hash: str
    hash: str


class ProvenanceView(View):
    """Where one answer comes from."""

    answer: str
    shopper: str
    said_by: str
    """The shopper it was written for, where the person is several of them."""
    assurance: str | None
    """How sure it was who was talking; none where nobody was."""
    kind: str
    source: str
    question: str
    version: int
    value: str
    detail: dict[str, JsonValue]
    wording: str
    """The question as it was put."""
    options: list[dict[str, JsonValue]]
    """The options in the order shown."""
    locale: str
    channel: str
    conversation: str | None
    message_id: str
    own_words: str | None
    """What the shopper wrote, for as long as that is kept."""
    confidence: float
    asked_at: AwareDatetime | None
    answered_at: AwareDatetime
    basis: BasisView | None
    """None where the shop told it while nothing was permitted: then it is not used."""


@operation(
    "GET",
    "/v1/shoppers/{id}/preferences/{answer}",
    {"read"},
    problems=[NOT_FOUND],
    conditional=True,
)
async def read_provenance(call: Call, path: AnswerPath) -> ProvenanceView:
    """Prove one answer.

    Who said it, when, to which question in which words, by which message, and which act of consent
    it was kept under, with the text that was shown.
    """
    proof = await provenance(call.store, await person(call, path.id), path.answer)
    return ProvenanceView.model_validate(asdict(proof))


OPERATIONS = (read_provenance,)
