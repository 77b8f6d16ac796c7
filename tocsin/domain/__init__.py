"""What an incident is, and every decision about it.

Pure functions of (plan, state, event, now). Nothing in this package reads a clock, draws a random number,
touches the outside world or knows of Temporal: workflows replay it, rehearsals skip through it.
"""
