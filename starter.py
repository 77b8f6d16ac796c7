"""Starts incidents: from arguments, from a monitor's payload, or as the HTTP service."""
