"""How well the assistant understands sentences that its training never saw."""
