"""Headrace and Prefect 3.8.8 side by side: the same scripts, interleaved, on one machine, in one run."""
