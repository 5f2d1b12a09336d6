"""What all tests share: where the real data is, and that CI skips nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter
from hypothesis import settings

REPOSITORY = Path(__file__).resolve().parent.parent
# How long an example takes depends on what else the machine does.
settings.register_profile("keepwell", deadline=None)
settings.load_profile("keepwell")
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data: KEEPWELL_DATA, or ../shared/data beside the repository.

    Skips the test where the folder is not there.
    """
    folder = Path(os.environ.get("KEEPWELL_DATA") or REPOSITORY.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; KEEPWELL_DATA names its folder")
    return folder.resolve()


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
