"""The tables: what a shopper said is appended and never changed; the rest can be worked out again.

Ledgers (`consent_event`, `answer`, `decision`, `link`, `notice`) only grow: triggers refuse any
change of a row, and its removal outside `removal`. A column named `sealed_…` is encrypted, bound to
its row; `lookup` is a keyed hash. Times are UTC. Rows never leave `preferences.store`: its
repositories hand out the domain's own types.
"""

from preferences.store.tables.access import ApiKeyRow, IdempotencyRow, JournalMarkRow
from preferences.store.tables.answers import AnswerRow, OwnWordsRow
from preferences.store.tables.base import Row
from preferences.store.tables.choosing import (
    CandidateRow,
    DecisionRow,
    PausedQuestionRow,
    PromiseRow,
    ReferralCodeRow,
    ReferralRow,
)
from preferences.store.tables.consent import ConsentEventRow, ConsentRow, NoticeRow, SuppressionRow
from preferences.store.tables.conversations import (
    AskRow,
    ConversationRow,
    DispatchRow,
    MessageRow,
    SurroundingsRow,
    TrackerRow,
)
from preferences.store.tables.orders import (
    HabitRow,
    PrivacyRequestRow,
    ProductRow,
    PurchaseLineRow,
    PurchaseNoteRow,
    PurchaseRow,
    QuarantineRow,
)
from preferences.store.tables.shoppers import IdentityRow, LinkRow, RemovalRow, ShopperRow
from preferences.store.tables.telling import (
    ChangeFeedRow,
    ChangeRow,
    DestinationRow,
    EndMarkRow,
    OutboxRow,
    WebhookDeliveryRow,
    WebhookEndpointRow,
)

__all__ = [
    "AnswerRow",
    "ApiKeyRow",
    "AskRow",
    "CandidateRow",
    "ChangeFeedRow",
    "ChangeRow",
    "ConsentEventRow",
    "ConsentRow",
    "ConversationRow",
    "DecisionRow",
    "DestinationRow",
    "DispatchRow",
    "EndMarkRow",
    "HabitRow",
    "IdempotencyRow",
    "IdentityRow",
    "JournalMarkRow",
    "LinkRow",
    "MessageRow",
    "NoticeRow",
    "OutboxRow",
    "OwnWordsRow",
    "PausedQuestionRow",
    "PrivacyRequestRow",
    "ProductRow",
    "PromiseRow",
    "PurchaseLineRow",
    "PurchaseNoteRow",
    "PurchaseRow",
    "QuarantineRow",
    "ReferralCodeRow",
    "ReferralRow",
    "RemovalRow",
    "Row",
    "ShopperRow",
    "SuppressionRow",
    "SurroundingsRow",
    "TrackerRow",
    "WebhookDeliveryRow",
    "WebhookEndpointRow",
]
