"""Filtered lists and counts. Their SQL depends on the filter, so SQLAlchemy builds it: nothing else in the store imports it."""
