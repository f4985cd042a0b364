"""What the rules go by: the shopper's own page tells of each, and what for; nothing else may feed them."""

from collections.abc import Mapping

from preferences.store.tables import (
    AnswerRow,
    AskRow,
    CandidateRow,
    ConsentEventRow,
    ConsentRow,
    ConversationRow,
    HabitRow,
    IdentityRow,
    LinkRow,
    PurchaseLineRow,
    PurchaseNoteRow,
    PurchaseRow,
    ReferralCodeRow,
    ReferralRow,
    Row,
    ShopperRow,
    SuppressionRow,
    SurroundingsRow,
)

SOURCES: Mapping[str, tuple[type[Row], ...]] = {
    "answers": (AnswerRow,),
    "purchases": (PurchaseRow, PurchaseLineRow, PurchaseNoteRow, HabitRow, CandidateRow),
    "asks": (AskRow,),
    "wishes": (ConsentRow, ConsentEventRow, SuppressionRow),
    "talks": (ConversationRow,),
    "surroundings": (SurroundingsRow,),
    "friends": (ReferralRow, ReferralCodeRow),
    "names": (ShopperRow, IdentityRow, LinkRow),
}
"""By what the page calls it, `page_looks_…` in the wording: the tables that a decision may read."""
