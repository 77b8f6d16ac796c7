"""Rehearsing a plan: the real thing, with its weeks passing in seconds."""
