"""The lines that tell where to go, once there is somewhere to go."""

from collections.abc import Mapping
from pathlib import Path

from bot.launch.parts import Plan


def opened(address: str, seconds: float) -> str:
    """Say that the gateway answers while the assistant is still waking up."""
    return (
        f"The shop is open at {address}/ ({seconds:.1f} s). The assistant is waking up; "
        "what is typed meanwhile is kept and answered."
    )


def sealed_with(keys: Path) -> str:
    """Say once where the keys are that were made at the first start, and what they are worth."""
    return (
        f"Keys were made in {keys}: names and words in the store are sealed with them. "
        "Back it up, apart from the store; without it nobody can read them."
    )


def welcome(plan: Plan, prepared: Mapping[str, str], seconds: float) -> str:
    """Say that all is ready, with the addresses of this run."""
    lines = [
        f"Askfirst is ready ({seconds:.0f} s).",
        f"  Demo shop    {plan.address}/",
        *_preference_call(plan.address, prepared),
        f"  Logs         {plan.settings.data_dir / 'log'}",
        "  Stop         Ctrl-C",
    ]
    return "\n".join(lines)


def _preference_call(address: str, prepared: Mapping[str, str]) -> list[str]:
    """Give the call that reads a shopper's answers, with the key made for this run."""
    if "api_key" not in prepared:
        return []
    url = f"{address}/v1/shoppers/{prepared['shopper']}/preferences"
    return [f"  Preferences  curl -H 'Authorization: Bearer {prepared['api_key']}' {url}"]
