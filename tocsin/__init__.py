"""Tocsin runs incident response policies: each incident is one durable Temporal workflow."""

__version__ = "0.1.0"
