"""What makes `prefect` an alias of `headrace`."""
