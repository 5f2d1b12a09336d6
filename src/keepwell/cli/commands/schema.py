"""keepwell schema"""

from __future__ import annotations

import json
from pathlib import Path

import click

from keepwell.cli.options import Command


@click.command(cls=Command)
@click.argument("kind", required=False)
@click.option(
    "--to",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write KIND.schema.json for every kind into this folder.",
)
def schema(kind: str | None, folder: Path | None) -> None:
    """Print the JSON Schema of the definition files.

    With it an editor checks and completes them while you type. KIND is keepwell, metrics,
    scorecard, segmentation or segments; without it, all are printed as one document.

    Examples:

    \b
      keepwell schema scorecard
      keepwell schema --to .schemas
    """
    from keepwell.app.schemas import schemas
    from keepwell.kit.errors import KeepwellError, did_you_mean

    found = schemas()
    if kind is not None and kind not in found:
        raise KeepwellError(
            f"there is no kind of file called '{kind}'",
            expected="one of " + ", ".join(found),
            todo=did_you_mean(kind, found),
        )
    chosen = found if kind is None else {kind: found[kind]}
    if folder is None:
        click.echo(_text(chosen if kind is None else chosen[kind]))
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, document in chosen.items():
            path = folder / f"{name}.schema.json"
            path.write_text(_text(document) + "\n", encoding="utf-8")
            click.echo(f"  {path}")
    except OSError as error:
        raise KeepwellError(f"cannot be written: {error.strerror}", where=str(folder)) from None
    name = next(iter(chosen))
    click.echo(
        "An editor with a YAML language server takes a schema from the first line of a file:\n"
        f"  # yaml-language-server: $schema={(folder / name).as_posix()}.schema.json"
    )


def _text(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
