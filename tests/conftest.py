"""What all tests share: where the real data is, and that CI skips nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from _pytest.terminal import TerminalReporter
from hypothesis import settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REPOSITORY = Path(__file__).resolve().parent.parent
# How long an example takes depends on what else the machine does.
settings.register_profile("keepwell", deadline=None)
settings.load_profile("keepwell")
SLOWEST = ("test_spark.py", "test_clouds.py", "test_traps.py", "test_spark_cluster.py",
           "test_shown.py", "test_postgres.py", "test_memory.py")  # fmt: skip
"""Files of tests/conformance, slowest first."""
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """A session of Spark on this machine."""
    from pyspark.sql import SparkSession

    if shutil.which("java") is None:
        pytest.skip("Spark needs Java 17: apt-get install openjdk-17-jre-headless")
    made = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", False)
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        # The tables of tests are small: a task for each of 200 parts would take most of the time.
        .config("spark.sql.shuffle.partitions", 1)
        # To compile a query takes far longer than so few rows; a cluster's test compiles.
        .config("spark.sql.codegen.wholeStage", False)
        .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
        .config("spark.sql.adaptive.enabled", False)
        # A process of a few minutes compiles its own code once, and quickly.
        .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        # What follows from conditions is worked out for every column of every step, to skip parts
        # of files that are too small to have any.
        .config("spark.sql.constraintPropagation.enabled", False)
        .config("spark.locality.wait", 0)
        .getOrCreate()
    )
    yield made
    made.stop()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data: KEEPWELL_DATA, or ../shared/data beside the repository.

    Skips the test where the folder is not there.
    """
    folder = Path(os.environ.get("KEEPWELL_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; KEEPWELL_DATA names its folder")
    return folder.resolve()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Path]:
    """The folder of a PostgreSQL server of this run's own, whose socket is in it."""
    server_in = pytest.importorskip(
        "pgserver.postgres_server", reason="no PostgreSQL server in a wheel for this Python"
    ).get_server
    # Not below pytest's own folder, into which the server's user may not look.
    with tempfile.TemporaryDirectory(prefix="keepwell-postgres-") as folder:
        server = server_in(folder, cleanup_mode="stop")
        yield Path(folder)
        server.cleanup()


@pytest.fixture(scope="session")
def new_database(postgres_server: Path) -> Callable[[], str]:
    """Makes an empty database and gives its address."""
    from adbc_driver_postgresql import dbapi

    numbers = count()

    def made() -> str:
        name = f"test_{next(numbers)}"
        with (
            dbapi.connect(_address(postgres_server, "postgres"), autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(f"CREATE DATABASE {name}")
        return _address(postgres_server, name)

    return made


@pytest.fixture
def postgres(new_database: Callable[[], str]) -> str:
    """The address of an empty database."""
    return new_database()


IN_BUCKETS = {
    "AWS_ACCESS_KEY_ID": "somebody",
    "AWS_SECRET_ACCESS_KEY": "something",
    "AWS_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}


@dataclass(frozen=True)
class Bucket:
    """A bucket of a local S3 server. log: a file with a line for each request."""

    address: str
    log: Path


@pytest.fixture(scope="session")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """A bucket of a server of this run's own, for whose credentials the environment is set."""
    with bucket_server(tmp_path_factory.mktemp("bucket")) as served:
        yield served


@contextmanager
def bucket_server(folder: Path, **settings: str) -> Iterator[Bucket]:
    """A server of its own while the body runs, and the environment in which it is found.

    settings: moto's own environment variables.
    """
    log = folder / "requests.log"
    command = [sys.executable, str(REPOSITORY / "tests/bucket_server.py"), "keepwell", str(log)]
    with pytest.MonkeyPatch.context() as patch:
        for name in [n for n in os.environ if n.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in IN_BUCKETS.items():
            patch.setenv(name, value)
        with subprocess.Popen(
            command,
            env={**os.environ, **settings},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as server:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
            yield Bucket("s3://keepwell", log)
            # It ends when its input does.
            server.communicate(timeout=60)


def _address(server: Path, database: str) -> str:
    return f"postgresql://postgres@/{database}?host={quote(str(server), safe='')}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slowest files first: a worker that began one last would go on alone for minutes."""
    order = {REPOSITORY / "tests" / "conformance" / name: n for n, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


def pytest_configure(config: pytest.Config) -> None:
    """What tests keep between processes is shared by all of a run, and gone with it."""
    if not hasattr(config, "workerinput"):
        folder = tempfile.mkdtemp(prefix="keepwell-tests-")
        os.environ["KEEPWELL_CACHE"] = folder
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def _not_run(config: pytest.Config) -> int:
    """How many tests or modules were skipped or expected to fail."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if not isinstance(reporter, TerminalReporter):
        return 0
    return sum(len(reporter.stats.get(outcome, ())) for outcome in ("skipped", "xfailed"))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Under CI=true a run that skipped anything fails: a test that does not run proves nothing."""
    if IN_CI and exitstatus == pytest.ExitCode.OK and _not_run(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: TerminalReporter, config: pytest.Config) -> None:
    count = _not_run(config)
    if IN_CI and count:
        terminalreporter.write_line(
            f"CI=true: {count} skipped or expected to fail, which fails the run", red=True
        )
