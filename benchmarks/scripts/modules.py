"""How many modules an import brings, over those of bare Python."""

import sys

before = set(sys.modules)
if sys.argv[1] == "headrace":
    import headrace  # noqa: F401
else:
    from prefect import flow, task  # noqa: F401
after = set(sys.modules)

from reporting import report  # noqa: E402

report(modules=len(after - before))
