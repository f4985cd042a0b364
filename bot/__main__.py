"""Runs the whole of Askfirst with one command: `python -m bot [--port N] [--data DIR]`."""

# Nothing newer than Python 3.6 in this file: an old interpreter must get as far as the sentence.
import sys


def main():  # type: () -> int
    """Check the interpreter, then hand over to the launcher."""
    if sys.version_info < (3, 12):  # noqa: UP036 - uv knows this; who starts it by hand may not
        return _refuse(
            f"Askfirst needs Python 3.12 or newer and this is {sys.version.split()[0]}; "
            "run `make run`, or `make setup` and then `.venv/bin/python -m bot`."
        )
    try:
        from bot.launch.command import command  # noqa: PLC0415 - it cannot be read before 3.12
    except ModuleNotFoundError as error:
        return _refuse(
            f"The Python package {error.name} is not installed for {sys.executable}; "
            "run `make setup` and then `.venv/bin/python -m bot`."
        )
    return command(sys.argv[1:])


def _refuse(sentence):  # type: (str) -> int
    sys.stderr.write(sentence + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
