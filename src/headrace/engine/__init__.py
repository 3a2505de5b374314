"""Runs flows and tasks: one lifecycle for sync and async, recorded as it happens."""
