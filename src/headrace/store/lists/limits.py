"""How long lists are."""

DEFAULT_LIMIT = 200
"""Objects in a list for which no limit was given."""
