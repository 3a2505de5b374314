"""The server: Prefect's REST and WebSocket API, and additions of its own, over a store."""
