"""Runs a module behind a gate: it loads its libraries while the store is still being migrated.

`python -m bot.launch.gate FD MODULE`: the module is loaded at once and run when the pipe whose
reading end is FD has been closed at the other end. It saves the time of loading, which is most of
the time until the gateway answers.
"""

import os
import runpy
import sys
from importlib import import_module


class Gate:
    """The launcher's side. Once open it stays open, also for a part that is started again."""

    def __init__(self) -> None:
        self.inside, self._outside = os.pipe()

    def open(self) -> None:
        """Let the module run."""
        os.close(self._outside)


def main(pipe: int, module: str) -> None:
    """Load the module, wait for the gate, run the module as a program."""
    import_module(module)
    os.read(pipe, 1)
    os.close(pipe)
    del sys.modules[module]  # runpy runs it afresh; all that it imports stays loaded
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
