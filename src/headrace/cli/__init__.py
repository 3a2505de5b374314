"""The command `headrace`: one file per group of commands, each loaded when it is asked for."""
