"""Pure logic: no I/O, no clock, no settings, no asyncio."""
