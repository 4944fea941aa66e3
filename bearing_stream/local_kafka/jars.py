"""The jars of Apache Kafka: pinned by a lock file, fetched once, checked every time.

`jgo.lock.toml` names each jar and its SHA-256 (`local_kafka.lock` writes it). A missing jar is
fetched from Maven Central into a temporary folder and moved to its path if its hash is correct, so
an interrupted download leaves no incomplete jar, and complete ones are not fetched again.
"""

import hashlib
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from platformdirs import user_cache_path
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from bearing_stream.local_kafka.errors import LocalKafkaError

if TYPE_CHECKING:
    from jgo.maven import MavenContext

LOCK: Final = Path(__file__).with_name("jgo.lock.toml")
DOWNLOADS_AT_ONCE: Final = 4
ATTEMPTS: Final = 2
"""Attempts for each jar; only a failed connection is retried."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar of the lock file."""

    group: str
    artifact: str
    version: str
    sha256: str
    """Lower-case hexadecimal."""

    @property
    def coordinate(self) -> str:
        """The Maven coordinate, `group:artifact:version`."""
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def path(self) -> Path:
        """The path of the jar in a Maven repository, relative to its root."""
        folder = Path(*self.group.split("."), self.artifact, self.version)
        return folder / f"{self.artifact}-{self.version}.jar"


def read_lock(path: Path = LOCK) -> tuple[Jar, ...]:
    """Read the jars of a lock file, in the order of the class path.

    Raises:
        LocalKafkaError: the file is missing, not a lock file, empty, or lacks the SHA-256 of a jar.
    """
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))["dependencies"]
        jars = tuple(
            Jar(entry["groupId"], entry["artifactId"], entry["version"], entry["sha256"])
            for entry in entries
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LocalKafkaError(
            f"{path} is not a lock file that pins each jar by SHA-256 ({error!r}). "
            "Restore it from version control."
        ) from error
    if not jars:
        raise LocalKafkaError(f"{path} pins no jar. Restore it from version control.")
    return jars


def kafka_version(jars: Sequence[Jar]) -> str:
    """The version of Apache Kafka among these jars, such as `4.4.0`."""
    return next(jar.version for jar in jars if jar.artifact.startswith("kafka_"))


def default_repository() -> Path:
    """The Maven repository that holds the jars, in the user's cache folder.

    Raises:
        LocalKafkaError: This user has no home folder, and none is set in the environment.
    """
    try:
        return user_cache_path("local-kafka") / "maven"
    except RuntimeError:
        raise LocalKafkaError(
            "This user has no home folder to keep Apache Kafka's jars in: set HOME or "
            "XDG_CACHE_HOME to a folder that can be written."
        ) from None


def class_path(jars: Sequence[Jar], repository: Path | None = None) -> tuple[Path, ...]:
    """Paths of these jars, with verified hashes; fetches those that are missing.

    If none is missing, it needs no network, and takes 0.1 s to read 43 MB.

    Args:
        jars: The jars of the lock file.
        repository: The Maven repository to read and to fetch to; the user's cache by default.

    Raises:
        LocalKafkaError: a jar differs from the lock, Maven Central is unreachable, or the
            repository cannot be written.
    """
    root = repository or default_repository()
    missing = [jar for jar in jars if not (root / jar.path).exists()]
    if missing:
        try:
            _fetch(missing, root, f"Apache Kafka {kafka_version(jars)}")
        except OSError as error:
            raise LocalKafkaError(
                f"Apache Kafka's jars cannot be written to {root}: {error}."
            ) from error
    for jar in jars:
        _check(jar, root / jar.path, f"Delete {root / jar.path} and start again to fetch it.")
    return tuple(root / jar.path for jar in jars)


def _check(jar: Jar, path: Path, remedy: str) -> None:
    """Compare a jar with the lock.

    Raises:
        LocalKafkaError: the hashes differ; states both, and the remedy.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != jar.sha256:
        raise LocalKafkaError(
            f"{jar.path.name} ({jar.coordinate}) is not the jar that the lock pins, so it is not "
            f"used: expected SHA-256 {jar.sha256}, found {found}. {remedy}"
        )


@dataclass(frozen=True, slots=True)
class _JarProgress:
    """Progress callback for jgo: one bar, in which each jar is one step."""

    bar: Progress
    task: TaskID

    @contextmanager
    def __call__(self, name: str, size: int) -> Iterator[Callable[[int], None]]:  # noqa: ARG002
        """Yield a callback for the bytes of one jar, out of `size`; `name` is its file name."""
        yield lambda count: self.bar.advance(self.task, count / size)


def _fetch(jars: Sequence[Jar], root: Path, title: str) -> None:
    """Download these jars, several at once, under a progress bar on stderr."""
    # Here and below jgo is imported where it is used: only a fetch has to wait for its import.
    import truststore
    from jgo.config import GlobalSettings
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext, PythonResolver

    # Trust the system's certificate authorities: a plant's proxy has its own.
    truststore.inject_into_ssl()
    root.mkdir(parents=True, exist_ok=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with (
        TemporaryDirectory(prefix=".incoming-", dir=root) as incoming,
        Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bar,
        ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool,
    ):
        task = bar.add_task(f"{title} from Maven Central, once", total=len(jars))
        context = MavenContext(
            PythonResolver(progress_callback=_JarProgress(bar, task)),
            repo_cache=Path(incoming),
            # The setting for a mirror is jgo's own: `central` under `[repositories]`.
            remote_repos={"central": MAVEN_CENTRAL_URL} | GlobalSettings.load().repositories,
        )
        downloads = [pool.submit(_download, jar, context, root) for jar in jars]
        try:
            for download in downloads:
                download.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _download(jar: Jar, context: "MavenContext", root: Path) -> None:
    """Fetch one jar, check it, and only then move it to its path."""
    from requests import RequestException

    artifact = context.create_dependency(jar.coordinate).artifact
    incoming = context.repo_cache / jar.path
    for attempt in range(1, ATTEMPTS + 1):
        incoming.unlink(missing_ok=True)
        try:
            context.resolver.download(artifact)
            break
        except (RequestException, RuntimeError) as error:  # RuntimeError: HTTP status not 200
            if attempt == ATTEMPTS:
                raise LocalKafkaError(
                    "Apache Kafka cannot be fetched from Maven Central "
                    f"({jar.path.name}: {type(error).__name__}). Two ways out: set "
                    "BOOTSTRAP_SERVERS to a Kafka that you have, or start a Docker engine."
                ) from error
    _check(
        jar,
        incoming,
        "It was discarded. A proxy between this machine and Maven Central may alter files.",
    )
    target = root / jar.path
    target.parent.mkdir(parents=True, exist_ok=True)
    incoming.replace(target)
