"""Words that mean what they say, whatever a model thinks of them: pages of terms, and their reading."""
