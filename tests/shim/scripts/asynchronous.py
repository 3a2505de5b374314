"""Async flows that mix in sync tasks, subflows and generators."""

import asyncio

from prefect import flow, task


@task
async def fetch(x):
    await asyncio.sleep(0)
    return x


@task
def parse(x):
    return x + 1


@task
def count(n):
    yield from range(n)


@flow
async def sub(x):
    return await fetch(x) * 10


@flow
async def main():
    print(await asyncio.gather(*[fetch(number) for number in range(5)]))
    print(parse(await fetch(1)))
    future = parse.submit(fetch.submit(4))
    print(future.result())
    print(await asyncio.gather(sub(1), sub(2)))
    print(sum(count(4)))
    return [fetch.submit(1), fetch.submit(2)]


if __name__ == "__main__":
    print(asyncio.run(main()))
