"""Kills the writer of the store at random moments, a thousand times, and looks what is lost."""
