"""File systems: whole files, atomically, below a base path."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from headrace.filesystems import (
    LocalFileSystem,
    MissingFileError,
    NullFileSystem,
    RemoteFileSystem,
    WritableFileSystem,
    finished,
    resolve_filesystem,
)


@pytest.fixture(params=["local", "remote"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> WritableFileSystem:
    """Local, then remote; every one starts empty."""
    if request.param == "local":
        return LocalFileSystem(tmp_path / "files")
    return RemoteFileSystem(f"memory://{tmp_path.name}")


def test_what_is_written_is_read(storage):
    storage.write_path("wheel", b"12 spokes")
    storage.write_path("wheel", b"16 spokes")

    assert storage.read_path("wheel") == b"16 spokes"


def test_directories_above_a_file_are_made(storage):
    storage.write_path("a/b/wheel", b"content")

    assert storage.read_path("a/b/wheel") == b"content"


def test_a_file_is_read_by_the_full_path_that_writing_it_gave(storage):
    full = storage.write_path("a/wheel", b"content")

    assert full == storage.resolve_path("a/wheel")
    assert storage.read_path(full) == b"content"


def test_both_colours_do_the_same(storage):
    async def main() -> bytes:
        await storage.awrite_path("wheel", b"content")
        return await storage.aread_path("wheel")

    assert asyncio.run(main()) == b"content"


def test_a_missing_file_is_an_error_that_names_it(storage):
    with pytest.raises(MissingFileError, match="wheel") as caught:
        storage.read_path("wheel")

    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, FileNotFoundError)


@pytest.mark.parametrize("path", ["../outside", "a/../../outside"])
def test_a_path_that_leads_out_of_the_base_path_is_refused(storage, path):
    with pytest.raises(ValueError, match="outside of the base path"):
        storage.read_path(path)
    with pytest.raises(ValueError, match="outside of the base path"):
        storage.write_path(path, b"content")


def test_a_full_path_elsewhere_is_refused(tmp_path):
    with pytest.raises(ValueError, match="/etc/hostname"):
        LocalFileSystem(tmp_path).read_path("/etc/hostname")
    with pytest.raises(ValueError, match="memory://elsewhere"):
        RemoteFileSystem("memory://here").read_path("memory://elsewhere/file")


def test_a_base_path_that_starts_like_another_is_not_that_other():
    neighbour = RemoteFileSystem("memory://mill-2").write_path("wheel", b"theirs")

    with pytest.raises(ValueError, match="outside of the base path"):
        RemoteFileSystem("memory://mill").read_path(neighbour)


# --- Local -----------------------------------------------------------------------------------------------------


def test_without_a_base_path_paths_start_at_the_current_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert LocalFileSystem().write_path("wheel", b"content") == str(tmp_path.resolve() / "wheel")
    assert LocalFileSystem().read_path(str(tmp_path / "wheel")) == b"content"


def test_a_base_path_may_start_at_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))

    LocalFileSystem("~/files").write_path("wheel", b"content")

    assert (tmp_path / "files" / "wheel").read_bytes() == b"content"


def test_a_base_path_may_be_a_symbolic_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    storage = LocalFileSystem(tmp_path / "link")

    storage.write_path(str(tmp_path / "link" / "wheel"), b"content")

    assert (tmp_path / "real" / "wheel").read_bytes() == b"content"


def test_a_directory_is_not_a_file(tmp_path):
    (tmp_path / "folder").mkdir()

    with pytest.raises(ValueError, match="is a directory"):
        LocalFileSystem(tmp_path).read_path("folder")


def test_only_bytes_can_be_written(tmp_path):
    with pytest.raises(TypeError, match="'str'"):
        LocalFileSystem(tmp_path).write_path("wheel", "text")  # type: ignore[arg-type]


def test_a_directory_that_cannot_be_made_is_an_error_that_names_the_file(tmp_path):
    (tmp_path / "a-file").write_text("in the way")

    with pytest.raises(NotADirectoryError, match="a-file/results/wheel") as caught:
        LocalFileSystem(tmp_path / "a-file" / "results").write_path("wheel", b"content")

    assert "choose another one" in str(caught.value)


def in_another_process(source: str, *arguments: object) -> str:
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_a_full_disk_is_an_error_that_names_the_file_and_leaves_the_former_content(tmp_path):
    LocalFileSystem(tmp_path).write_path("wheel", b"former")

    said = in_another_process(
        """
        import resource, signal, sys
        from headrace.filesystems import LocalFileSystem
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            LocalFileSystem(sys.argv[1]).write_path("wheel", bytes(100_000))
        except OSError as error:
            print(error)
        """,
        tmp_path,
    )

    assert str(tmp_path / "wheel") in said
    assert "Make room" in said
    assert LocalFileSystem(tmp_path).read_path("wheel") == b"former"
    assert [file.name for file in tmp_path.iterdir()] == ["wheel"]


def test_a_reader_never_sees_a_part_of_a_file(tmp_path):
    storage = LocalFileSystem(tmp_path)
    versions = [bytes([number]) * 200_000 for number in range(4)]
    storage.write_path("wheel", versions[0])
    written = threading.Event()

    def write() -> None:
        for _ in range(10):
            for version in versions:
                storage.write_path("wheel", version)
        written.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not written.is_set():
        seen.add(storage.read_path("wheel"))
    writer.join()

    assert seen <= set(versions)


def test_a_killed_writer_leaves_the_former_content(tmp_path):
    storage = LocalFileSystem(tmp_path)
    storage.write_path("wheel", b"former")
    source = """if True:
        import sys
        from headrace.filesystems import LocalFileSystem
        storage, content = LocalFileSystem(sys.argv[1]), bytes(30_000_000)
        print("ready", flush=True)
        while True:
            storage.write_path("other", content)
        """
    process = subprocess.Popen([sys.executable, "-c", source, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    while not any(file.suffix == ".tmp" for file in tmp_path.iterdir()):
        pass
    process.kill()
    process.wait()

    assert storage.read_path("wheel") == b"former"
    assert not (tmp_path / "other").exists() or (tmp_path / "other").stat().st_size == 30_000_000


# --- Remote ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("basepath", "said"),
    [
        ("folder", "no scheme"),
        ("/folder", "no scheme"),
        ("file:///folder", "LocalFileSystem"),
        ("s3://", "no location"),
    ],
)
def test_a_base_path_that_cannot_be_one_is_refused(basepath, said):
    with pytest.raises(ValueError, match=said):
        RemoteFileSystem(basepath)


def test_where_others_see_half_written_files_they_are_renamed_into_place(tmp_path):
    storage = RemoteFileSystem(f"local://{tmp_path}/files")

    storage.write_path("a/wheel", b"content")

    assert storage.read_path("a/wheel") == b"content"
    assert [file.name for file in (tmp_path / "files" / "a").iterdir()] == ["wheel"]


def test_settings_reach_the_file_system():
    storage = RemoteFileSystem("memory://files", settings={"skip_instance_cache": True})

    assert storage.filesystem is not RemoteFileSystem("memory://files").filesystem


def test_a_remote_file_system_can_be_sent_to_another_process():
    import cloudpickle

    storage = RemoteFileSystem("memory://sent")
    storage.write_path("wheel", b"content")

    assert cloudpickle.loads(cloudpickle.dumps(storage)) == storage


# --- What stands for a file system -----------------------------------------------------------------------------


def test_paths_and_addresses_stand_for_file_systems(tmp_path):
    assert resolve_filesystem(tmp_path) == LocalFileSystem(tmp_path)
    assert resolve_filesystem(str(tmp_path)) == LocalFileSystem(tmp_path)
    assert resolve_filesystem(f"file://{tmp_path}") == LocalFileSystem(tmp_path)
    assert resolve_filesystem("./files") == LocalFileSystem("files")
    assert resolve_filesystem("memory://files") == RemoteFileSystem("memory://files")


def test_a_file_system_stands_for_itself(tmp_path):
    storage = LocalFileSystem(tmp_path)

    assert resolve_filesystem(storage) is storage


def test_anything_that_reads_and_writes_paths_is_a_file_system():
    class Files:
        def read_path(self, path):
            return b""

        def write_path(self, path, content):
            return path

    files = Files()

    assert resolve_filesystem(files) is files


@pytest.mark.parametrize("given", [4, object(), ["/folder"]])
def test_something_that_is_no_storage_is_refused_by_the_option_it_was_given_for(given):
    with pytest.raises(TypeError, match="`key_storage`"):
        resolve_filesystem(given, "key_storage")


def test_text_that_is_neither_a_directory_nor_an_address_is_refused():
    with pytest.raises(ValueError, match=r"'files'.*'./data'"):
        resolve_filesystem("files")


def test_a_null_file_system_keeps_nothing():
    storage = NullFileSystem()
    storage.write_path("wheel", b"content")

    assert storage.read_path("wheel") == b""


@pytest.mark.parametrize("inside_a_loop", [False, True])
def test_a_users_async_file_system_can_be_used_from_anywhere(inside_a_loop):
    class AsyncFiles(WritableFileSystem):
        def __init__(self) -> None:
            self.files: dict[str, bytes] = {}

        async def read_path(self, path: str) -> bytes:
            await asyncio.sleep(0)
            return self.files[path]

        async def write_path(self, path: str, content: bytes) -> str:
            await asyncio.sleep(0)
            self.files[path] = content
            return path

    storage = AsyncFiles()

    def use() -> bytes:
        finished(storage.write_path("wheel", b"content"))
        return finished(storage.read_path("wheel"))

    async def use_inside() -> bytes:
        assert await storage.aread_path("wheel") == b"content" if storage.files else True
        return use()

    assert (asyncio.run(use_inside()) if inside_a_loop else use()) == b"content"


def test_an_error_of_a_users_async_file_system_reaches_the_caller():
    async def failing() -> bytes:
        raise LookupError("no such wheel")

    with pytest.raises(LookupError, match="no such wheel"):
        finished(failing())


def test_importing_file_systems_loads_neither_fsspec_nor_asyncio():
    loaded = in_another_process(
        """
        import sys
        import headrace.results.store, headrace.serializers, headrace.engine.cache
        print([name for name in ("fsspec", "cloudpickle", "asyncio", "pydantic") if name in sys.modules])
        """
    )

    assert loaded.strip() == "[]"
