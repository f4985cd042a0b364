"""The verbs of `python -m sync`, one module each."""
