"""Where submitted tasks run: threads, processes, and the engines of others."""
