"""`Settings`: all settings in one frozen tree, and where each value came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from headrace.settings.group import HOME, Group, about
from headrace.settings.program import (
    APISettings,
    ClientSettings,
    CLISettings,
    DeploymentsSettings,
    EventsSettings,
    RunnerSettings,
    TestingSettings,
    WorkerSettings,
)
from headrace.settings.runs import (
    FlowsSettings,
    InternalSettings,
    LoggingSettings,
    ResultsSettings,
    TasksSettings,
)
from headrace.settings.secret import Secret
from headrace.settings.server import ServerSettings

__all__ = ["DEFAULT", "Given", "Settings", "Source"]


class Source(NamedTuple):
    """Where a value came from.

    Args:
        kind: `explicit`, `env`, `.env`, the name of a file, `profile` or `defaults`.
        where: The variable's name, the file's path or the profile's name.
    """

    kind: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.where}".rstrip()


DEFAULT = Source("defaults")


class Given(NamedTuple):
    """A value that is not the default, and its source."""

    value: Any
    source: Source


class Settings(Group, frozen=True, dict=True):
    """All settings. Nested as their dotted names: `settings.logging.level`.

    `given` holds, by dotted name, the values that some source gave; all others are defaults. `profile` is the name
    of the active profile.
    """

    home: Annotated[Path, about("The folder of the store, profiles and results.")] = Path("~/.headrace")
    profiles_path: Annotated[Path, about("The file of profiles.")] = Path(HOME, "profiles.toml")
    debug_mode: Annotated[bool, about("Log in detail.")] = False
    ui_url: Annotated[str | None, about("The web page's URL; from `api.url` when unset.")] = None
    silence_api_url_misconfiguration: Annotated[bool, about("Do not warn of an unlikely API URL.")] = False
    api: APISettings = APISettings()
    cli: CLISettings = CLISettings()
    client: ClientSettings = ClientSettings()
    deployments: DeploymentsSettings = DeploymentsSettings()
    events: EventsSettings = EventsSettings()
    flows: FlowsSettings = FlowsSettings()
    internal: InternalSettings = InternalSettings()
    logging: LoggingSettings = LoggingSettings()
    results: ResultsSettings = ResultsSettings()
    runner: RunnerSettings = RunnerSettings()
    server: ServerSettings = ServerSettings()
    tasks: TasksSettings = TasksSettings()
    testing: TestingSettings = TestingSettings()
    worker: WorkerSettings = WorkerSettings()

    @property
    def given(self) -> Mapping[str, Given]:
        """The values that some source gave, by dotted name."""
        given: Mapping[str, Given] = self.__dict__.get("given", {})
        return given

    @property
    def profile(self) -> str:
        """The name of the active profile."""
        return str(self.__dict__.get("profile", "default"))

    def get(self, path: str) -> Any:
        """The value of a dotted name.

        Raises:
            AttributeError: There is no such setting.
        """
        return attrgetter(path)(self)

    def source_of(self, path: str) -> Source:
        """Where the value of a dotted name came from."""
        given = self.given.get(path)
        return given.source if given else DEFAULT

    def walk(self) -> Iterator[tuple[str, Any]]:
        """Every setting's dotted name and value, in order of declaration."""
        return _walk(self, "")

    def to_environment_variables(
        self, exclude_unset: bool = False, include_secrets: bool = True
    ) -> dict[str, str]:
        """The settings as environment variables, for a child process that is to see the same.

        Args:
            exclude_unset: Leave out defaults.
            include_secrets: Give secrets in clear; leave them out otherwise.
        """
        from headrace.settings.coercion import as_text

        return {
            "HEADRACE_" + path.replace(".", "_").upper(): as_text(value)
            for path, value in self.walk()
            if value is not None
            and not (exclude_unset and path not in self.given)
            and (include_secrets or not isinstance(value, Secret))
        }


def _walk(group: Group, prefix: str) -> Iterator[tuple[str, Any]]:
    for name in group.__struct_fields__:
        value = getattr(group, name)
        if isinstance(value, Group):
            yield from _walk(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
