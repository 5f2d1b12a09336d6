"""Spark gives the same numbers as DuckDB."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from tests.conformance.suite import Conformance, Put, There
from tests.warehouses import Stored, put_into_folder


@pytest.fixture(scope="module")
def put(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Put:
    def into_files(name: str, tables: Stored) -> There:
        folder = tmp_path_factory.mktemp(name)
        return There(str(spark.sparkContext.master), tables=put_into_folder(folder, tables))

    return into_files


class TestSpark(Conformance):
    pass
