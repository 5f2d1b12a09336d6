"""keepwell facts"""

from __future__ import annotations

from pathlib import Path

import click

from keepwell.cli.options import Command, open_project, project_option

DIALECTS = ("postgres", "spark", "databricks", "snowflake", "bigquery", "trino", "duckdb")


@click.group()
def facts() -> None:
    """Keep the canonical tables in a warehouse of your own.

    Keepwell reads them there once keepwell.yaml names the place.

    Examples:

    \b
      keepwell facts ddl --dialect spark accounts tickets
      keepwell facts load postgresql://etl@db.example.com/crm --schema keepwell
    """


@facts.command(cls=Command)
@click.argument("tables", metavar="[TABLE]...", nargs=-1)
@click.option(
    "--dialect", type=click.Choice(DIALECTS), required=True, help="Whose SQL is to be written."
)
@click.option(
    "--schema", metavar="NAME", help="Where to make the tables: a schema, or catalog.schema."
)
def ddl(tables: tuple[str, ...], dialect: str, schema: str | None) -> None:
    """Print the statements that make the canonical tables.

    All of them, or each TABLE that is named. Every column has its type and what it means beside
    it. Needs no project.

    Examples:

    \b
      keepwell facts ddl --dialect postgres --schema keepwell > tables.sql
      keepwell facts ddl --dialect spark accounts tickets
    """
    from keepwell.facts.ddl import ddl as statements

    click.echo(statements(dialect, schema, tables), nl=False)


@facts.command(cls=Command)
@click.argument("address")
@click.option("--schema", metavar="NAME", help="Where to put the tables. Default: public.")
@project_option
def load(address: str, schema: str | None, project: Path | None) -> None:
    """Copy the project's facts into a PostgreSQL database.

    Every version of every row, in one transaction: all tables or none. ADDRESS is such as
    postgresql://user@host/database; the password comes from PGPASSWORD or ~/.pgpass. Tables that
    are missing are made; those that are there must be empty. The project stays as it is until you
    change its keepwell.yaml.

    Example:

    \b
      keepwell facts load postgresql://etl@db.example.com/crm --schema keepwell
    """
    from keepwell.cli.console import say
    from keepwell.cli.render.format import count

    loaded = open_project(project).load_facts(address, schema, say)
    width = max(len(name) for name in loaded.rows)
    for name, rows in loaded.rows.items():
        click.echo(f"  {name:{width}} {rows:>15,}")
    total, tables = sum(loaded.rows.values()), len(loaded.rows)
    click.echo(f"Loaded {count(total, 'row')} into {count(tables, 'table')}.")
    click.echo("\nTo read the facts there, put these lines into keepwell.yaml:\n")
    click.echo(loaded.settings, nl=False)
