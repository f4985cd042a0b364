"""Tells whoever asked for it of each change: small, signed, tried for days, to public addresses."""
