"""What a webhook says: that something happened to whom, never what a shopper said or is called."""

import json
from datetime import UTC

from preferences.store.webhook_intake import TEST
from preferences.store.webhook_queue import Parcel


def body(parcel: Parcel, endpoint: str) -> str:
    """Give the body, the same each time a delivery is tried."""
    data = {"endpoint": endpoint} if parcel.type == TEST else _data(parcel)
    at = parcel.at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    message = {"type": parcel.type, "timestamp": at, "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


def _data(parcel: Parcel) -> dict[str, object]:
    who = {"shopper": parcel.shopper, "change": parcel.change, "position": parcel.position}
    return {**who, **parcel.detail, **who}
