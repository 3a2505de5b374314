"""What a server does at intervals. One file for each duty, which has a `tick`; the loop that calls them is `duties`."""
