"""The rasa-sdk action server: loopback only, one action a turn.

Importing this package is how `python -m rasa_sdk --actions actions` begins, so what must hold before
its server opens a port is said here.
"""

import os
import warnings

os.environ.setdefault("SANIC_HOST", "127.0.0.1")  # it has no door of its own
warnings.filterwarnings("ignore", message=".*version.*", module=r"rasa_sdk\.utils")
