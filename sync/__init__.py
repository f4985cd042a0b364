"""Tells the shop's CRMs what its shoppers said, and as soon when they take it back."""
