"""Starts every process of one instance, keeps them running and ends them together."""
