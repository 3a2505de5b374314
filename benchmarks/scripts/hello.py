"""The two-line flow."""

from prefect import flow


@flow
def hello(name: str = "world") -> str:
    return f"Hello, {name}!"


if __name__ == "__main__":
    print(hello())
