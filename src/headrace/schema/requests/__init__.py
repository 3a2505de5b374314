"""Bodies of requests: what clients send. One file per noun."""
