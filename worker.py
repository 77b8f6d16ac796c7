"""Runs the workflows and activities: `python worker.py [--queues incidents,email,sms,phone]`."""
