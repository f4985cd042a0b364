"""`python -m preferences why SHOPPER`: why a person was asked, or was not, the newest first."""

import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from preferences.catalogue import HERE
from preferences.choosing.account import sentence
from preferences.choosing.decision import decide
from preferences.choosing.inputs import inputs_from_json
from preferences.commands.people import add_shopper, find, with_store
from preferences.policy import Policy, load_older_policy, load_policy
from preferences.settings import Settings
from preferences.store.decisions import Decided, read_decisions
from preferences.store.engine import Store

_SAME, _OTHER = "the same again", "ANOTHER RESULT"


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser("why", help="tell why a shopper was asked lately, or was not")
    add_shopper(parser)
    parser.add_argument("--last", type=int, default=10, help="how many decisions (default: 10)")
    parser.add_argument("--replay", action="store_true", help="decide again by the stored inputs")
    parser.add_argument(
        "--policy", type=Path, default=HERE, help="folder of the policy.yml it was decided by"
    )
    parser.set_defaults(run=run)


def run(chosen: Namespace) -> int:
    """Print it; the exit code is 1 where a replay gives another result."""

    async def work(store: Store, _: Settings) -> list[Decided]:
        shopper = await find(store, chosen.shopper)
        return (await read_decisions(store, shopper, None, chosen.last))[1]

    policy, whole = load_older_policy(chosen.policy, load_policy())
    different = False
    for decided in with_store(work):
        again = replayed(decided, policy, whole=whole) if chosen.replay else ""
        different |= again == _OTHER
        sys.stdout.write("\n".join([*told(decided), *([f"  replay: {again}"] if again else [])]))
        sys.stdout.write("\n")
    return 1 if different else 0


def told(decided: Decided) -> Iterator[str]:
    """Say one decision in plain sentences."""
    when = f"{decided.at:%Y-%m-%d %H:%M} UTC"
    where = f" on {decided.channel}" if decided.channel else ""
    what = f"asked {decided.question}" if decided.question else "asked nothing"
    yield f"{when}{where}, {decided.trigger}: {what} (policy {decided.policy_version})"
    for reason in decided.reasons:
        about = f" [{reason['question']}]" if reason["question"] else ""
        yield f"  {reason.get('stage', '')}: {sentence(reason['code'])}{about}".replace(" : ", " ")
    if looked_at := _looked_at(decided.inputs or {}):
        yield f"  looked at: {looked_at}"
    for found in decided.weighed or ():
        worth, cost, score = found["value"], found["cost"], found["score"]
        yield f"  {found['question']}: worth {worth:.2f}, costs {cost:.2f}, leaves {score:.2f}"


def _looked_at(inputs: Mapping[str, Any]) -> str:
    """Name what was known of the moment: what brought them, where they are, what they answered."""
    told = {name: inputs[name] for name in ("entry", "place", "weather") if name in inputs}
    return ", ".join(
        f"{name} {value}" for name, value in (told | inputs.get("profile", {})).items()
    )


def replayed(decided: Decided, policy: Policy, *, whole: bool = True) -> str:
    """Decide again by what was stored, and tell whether it comes out the same.

    Limits that are not `whole` are an older release's: they are known by their version, since the
    hash of then was one of fewer limits.
    """
    version = decided.policy_version
    if decided.inputs is None:
        return "not possible, its inputs were not kept then"
    is_it = decided.policy_sha256 == policy.sha256 if whole else version == policy.version
    if not is_it:
        return f"not possible by this policy.yml; give --policy a folder with that of version {version}"
    again = decide(inputs_from_json(decided.inputs), policy)
    is_same = (again.question, again.candidate) == (decided.question, decided.candidate) and [
        (reason.code, reason.question) for reason in again.reasons
    ] == [(reason["code"], reason["question"]) for reason in decided.reasons]
    return _SAME if is_same else _OTHER
