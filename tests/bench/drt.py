"""The nearest open peer beside the sync: drt-core's own HubSpot destination, in an environment of its own.

It is given its records by hand, so that no source of its slows it down, and one limit of its own, which
it lets nobody raise for HubSpot.
"""

import asyncio
import json
import os
from asyncio.subprocess import PIPE

from tests.bench.figures import Figure, Figures
from tests.bench.processes import ROOT, BenchError

PYTHON = ROOT / ".tools" / "drt" / "bin" / "python"
CONTACTS = 40
"""So many at 6 to 9 a second: it asks once or twice for each, well below HubSpot's limit."""

_THERE = """
import json, sys
from time import perf_counter
import drt.destinations.hubspot as hubspot
from drt.config.models import HubSpotDestinationConfig, SyncOptions

url, secret, count = sys.argv[1:]
hubspot._HUBSPOT_API = f"{url}/crm/v3/objects"  # it has no setting for it
template = '{"shopper_id": "{{ row.id }}", "firstname": "x"}'
config = HubSpotDestinationConfig(
    type="hubspot", id_property="shopper_id", properties_template=template,
    auth={"type": "bearer", "token": secret},
)
records, rates = [{"id": f"drt-{one}"} for one in range(int(count))], {}
for kind in ("create", "update"):
    begun = perf_counter()
    told = hubspot.HubSpotDestination().load(records, config, SyncOptions())
    assert told.success == len(records), told
    rates[kind] = len(records) / (perf_counter() - begun)
print(json.dumps(rates))
"""


def is_here() -> bool:
    """Tell whether its environment was made; `make bench` makes it."""
    return PYTHON.exists()


async def measure(url: str, secret: str, latency: int) -> Figures:
    """Have it create contacts in a stand-in and then change them.

    :raises BenchError: it could not.
    """
    given = ("-c", _THERE, url, secret, str(CONTACTS))
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = await asyncio.create_subprocess_exec(
        PYTHON, *given, env=env, stdout=PIPE, stderr=PIPE
    )
    out, err = await process.communicate()
    if process.returncode:
        message = f"drt-core failed: {err.decode().strip().splitlines()[-1]}"
        raise BenchError(message)
    return {
        f"sync.peer.drt.{kind}.{latency}ms": Figure(rate, "contacts/s", CONTACTS)
        for kind, rate in json.loads(out).items()
    }
