"""A night on a cluster of Spark: a master and two workers, each a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark
import pytest
import yaml

from keepwell.app.project import open as open_project
from keepwell.facts.known import Known
from tests.cycle.company import LAST, template
from tests.warehouses import differences, put_into_folder, stored

SPARK = Path(pyspark.__file__).parent
ALONE = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_MASTER_HOST": "127.0.0.1"}
PATIENCE = 90


@dataclass(frozen=True)
class Cluster:
    port: int
    page: int

    @property
    def address(self) -> str:
        return f"spark://127.0.0.1:{self.port}"

    def state(self) -> dict[str, Any]:
        """What the master says of itself."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.page}/json/", timeout=5) as answer:
            told: dict[str, Any] = json.load(answer)
        return told


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java 17: apt-get install openjdk-17-jre-headless")
    folder = tmp_path_factory.mktemp("cluster")
    made = Cluster(_free_port(), _free_port())
    host = ("--host", "127.0.0.1")
    with ExitStack() as ending:
        pages = ("--port", str(made.port), "--webui-port", str(made.page))
        _start(ending, folder, "master.Master", *host, *pages)
        for number in (1, 2):
            room = ("--cores", "1", "--memory", "1g", "--work-dir", str(folder / str(number)))
            _start(ending, folder, "worker.Worker", *host, *room, made.address)
        _wait_for_workers(made, 2)
        yield made


def test_a_night_on_two_workers_is_the_night_here(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = open_project(template(tmp_path / "here"))
    monkeypatch.setenv("KEEPWELL_NOW", f"{LAST.fromordinal(LAST.toordinal() + 1)}T07:00:00+00:00")
    folder = shutil.copytree(here.folder, tmp_path / "there")
    shutil.rmtree(folder / "data" / "history")
    places = put_into_folder(tmp_path / "tables", stored(here.source.reader(Known.latest())))
    _say(folder, {"places": {"facts": cluster.address}, "warehouse": {"tables": places}})

    command = [sys.executable, "-m", "keepwell", "score", "--as-of", str(LAST)]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | ALONE, check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    there = open_project(folder)
    for table in ("care", "starters", "portfolio"):
        mine, theirs = (p.history.read(table, days=[LAST]) for p in (here, there))
        assert mine.num_rows > 2
        assert differences(mine.sort_by("account_id"), theirs.sort_by("account_id")) == []
    state = cluster.state()
    assert len(state["workers"]) == 2
    assert [app["name"] for app in state["completedapps"]] == ["Keepwell"]


def _say(folder: Path, settings: dict[str, Any]) -> None:
    with (folder / "keepwell.yaml").open("a", encoding="utf-8") as file:
        file.write(yaml.safe_dump(settings))


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _start(ending: ExitStack, folder: Path, what: str, *options: str) -> None:
    command = [str(SPARK / "bin" / "spark-class"), f"org.apache.spark.deploy.{what}", *options]
    log = ending.enter_context((folder / f"{what}.log").open("a"))
    process = subprocess.Popen(command, env=os.environ | ALONE, stdout=log, stderr=log)
    ending.callback(process.wait)
    ending.callback(process.terminate)


def _wait_for_workers(cluster: Cluster, count: int) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            if cluster.state()["aliveworkers"] == count:
                return
        except OSError:
            pass
        time.sleep(0.5)
    pytest.fail(f"no {count} workers after {PATIENCE} seconds")
