"""The mapping file of every system: how its files become canonical tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pyarrow as pa
import yaml

from keepwell.demo.shapes import FILES, HELPDESK_ZONE, Shape
from keepwell.demo.sources import kinds

TITLE = {
    "crm": "Accounts, people, conversations and opportunities, as the CRM exports them.",
    "billing": "Plans, contracts and invoices. Invoices are written the German way: 1.234,56.",
    "helpdesk": "Tickets. Times are local ones of Berlin; the export is a day late.",
    "product": "Use of the product, a file per month, and events of data updates.",
    "metering": "Gigabytes per customer and day. The feed has stopped.",
    "texts": "What was read out of tickets, mails and comments.",
    "surveys": "NPS, satisfaction after tickets and with the product.",
    "lms": "Courses: enrolments, completion and no-shows.",
    "success": "Goals, milestones, key figures and returns; ratings by success managers.",
}


def _rule(source: str, shape: Shape, tables: Mapping[str, pa.Table]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for column in shape.columns:
        rule = {k: dict(v) if isinstance(v, Mapping) else v for k, v in column.rule.items()}
        fields[column.target] = {"column": column.name, **rule} if rule else column.name
    fields |= {name: {"value": value} for name, value in shape.constants.items()}
    ending = "parquet" if shape.parquet else "csv"
    found: dict[str, Any] = {"from": f"{shape.stem}*.{ending}", "to": shape.table}
    covers = kinds(source, shape.table, tables[shape.table])
    if covers and shape.table != "assessments":
        found["covers"] = covers
    return found | {"fields": fields}


def mapping_text(source: str, tables: Mapping[str, pa.Table], through: date) -> str:
    """The YAML of one system's mapping; `through` is the last day that its files cover."""
    value: dict[str, Any] = {"source": source}
    if source == "helpdesk":
        value["timezone"] = HELPDESK_ZONE
    value["complete_through"] = through
    semicolons = {
        f"{shape.stem}*.csv": {"delimiter": shape.delimiter}
        for shape in FILES[source]
        if shape.delimiter != ","
    }
    if semicolons:
        value["files"] = semicolons
    value["tables"] = [_rule(source, shape, tables) for shape in FILES[source]]
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
    return f"# {TITLE[source]}\n{text}"
