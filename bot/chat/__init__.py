"""The website's chat over HTTP: sessions, messages, and the log as it is followed."""
