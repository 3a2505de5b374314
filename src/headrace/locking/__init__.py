"""Locks by key: for threads of one process (`memory`) and for processes that share a directory (`filesystem`)."""
