"""Filters: which objects a list, a count or a bulk change is about. One file per noun, on the shapes of `shapes`."""
