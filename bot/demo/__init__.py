"""A small shop to try the assistant in; it uses Askfirst as any shop would."""
