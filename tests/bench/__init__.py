"""Measures Askfirst beside a plain Rasa project: `python -m tests.bench`, one JSON line a figure."""
