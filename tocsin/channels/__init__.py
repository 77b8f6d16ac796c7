"""How people are reached, and how vendors answer: the only importers of the vendors' SDKs."""
