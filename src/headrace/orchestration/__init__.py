"""Use cases: what the server does beyond single verbs of the store, on its own and with what clients report."""
