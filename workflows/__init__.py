"""The story, in Temporal's words."""
