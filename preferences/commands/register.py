"""`python -m preferences register`: what this deployment holds, what for, how long and who is told."""

import sys
from argparse import Namespace
from typing import Any

from preferences.catalogue import load_catalogue
from preferences.settings import load_settings
from preferences.store.register import register


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser("register", help="print what is held, what for and who is told")
    parser.set_defaults(run=run)


def run(_: Namespace) -> int:
    """Print it."""
    sys.stdout.write(register(load_catalogue(), load_settings()))
    return 0
