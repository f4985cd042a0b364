"""The verbs of `python -m preferences` that need the store, one module each.

Each has `add(verbs)`, which describes the verb, and `run(arguments)`, which does it and gives the
exit code.
"""
