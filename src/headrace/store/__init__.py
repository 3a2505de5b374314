"""The store: runs, their history and their logs, in one database.

`store.Store` opens it; the verbs are plain functions of a connection, one module for each noun.
"""
