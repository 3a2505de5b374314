"""Cells of a notebook: an event loop that is running already, and definitions that are replaced."""

import ast
import asyncio

CELLS = [
    """
from prefect import flow, task

@task
def add(x, y):
    return x + y

@flow
def pipeline():
    return add(1, 2)
""",
    "pipeline()",
    """
@task
def add(x, y):
    return x + y + 100

@flow
def pipeline():
    return add.submit(1, 2).result()
""",
    "pipeline()",
    """
@task
async def fetch(x):
    return x

@flow
async def pipeline():
    return await fetch(7)
""",
    "await pipeline()",
    "[await pipeline(), await pipeline()]",
]


async def notebook():
    names = {"__name__": "__main__"}
    for cell in CELLS:
        tree = ast.parse(cell)
        last = tree.body[-1]
        if isinstance(last, ast.Expr):
            tree.body[-1] = ast.copy_location(ast.Assign([ast.Name("out", ast.Store())], last.value), last)
            ast.fix_missing_locations(tree)
        code = compile(tree, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, names)
        if asyncio.iscoroutine(result):
            await result
        if isinstance(last, ast.Expr):
            print(names["out"])


asyncio.run(notebook())
