"""What of ours runs inside the Rasa server: Python 3.10, and nothing else of the project."""
