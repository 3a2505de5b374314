"""`headrace flow`."""

from __future__ import annotations

from cyclopts import App

from headrace.cli.filters import Limit
from headrace.cli.output import Cell, Column, Output, json_to, say, show_table
from headrace.cli.recorded import NOTHING_YET, connected, pages
from headrace.cli.words import ago
from headrace.schema.base import now
from headrace.schema.sorting import FlowSort

__all__ = ["app"]

app = App(name="flow", help="Look at flows.", result_action="return_value", help_format="plaintext")


@app.command
def ls(*, limit: Limit = 15, output: Output = "text") -> None:
    """List flows, the newest first.

    Args:
        limit: How many at most.
    """
    with connected() as client:
        listed = pages(
            lambda most, offset: client.read_flows(sort=FlowSort.CREATED_DESC, limit=most, offset=offset),
            limit,
        )
        flows = [flow for page in listed for flow in page]
    if output == "json":
        json_to(flows)
    elif flows:
        at = now()
        columns = [Column("ID", 36), Column("Name"), Column("Created")]
        show_table(
            columns,
            [
                [Cell(str(flow.id), "cyan"), Cell(flow.name, "bold"), Cell(ago(flow.created, at))]
                for flow in flows
            ],
        )
    else:
        say(NOTHING_YET)
