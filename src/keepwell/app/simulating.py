"""The portfolio under changed definitions against the active ones. Nothing is stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from keepwell.app.built_in import built_in
from keepwell.app.days_scored import card_key
from keepwell.app.table import Table
from keepwell.cycle.scoring import Judge
from keepwell.definitions.library import Library, component_place
from keepwell.definitions.loading import load, read_folder, validate
from keepwell.definitions.rules import check
from keepwell.definitions.scorecard import NodePath, Scorecard
from keepwell.definitions.yaml import Document, FieldPath, Position, parse
from keepwell.facts.known import Known
from keepwell.kit import clock
from keepwell.kit.errors import DefinitionErrors, KeepwellError, did_you_mean
from keepwell.metrics.checks import row_problems
from keepwell.scoring.change import Change, change
from keepwell.scoring.explain import Explanation, explained
from keepwell.scoring.plan import NOT_ENOUGH, Plan

if TYPE_CHECKING:
    from keepwell.app.project import Project


@dataclass(frozen=True)
class Simulation:
    """What would change. before, after: accounts per tier key. moves: every account whose score
    or tier changes, the largest change first, with what does it."""

    day: date
    scorecard: str
    before: Mapping[str, int]
    after: Mapping[str, int]
    average_before: float | None
    average_after: float | None
    moves: Table

    @property
    def tier_changes(self) -> list[dict[str, Any]]:
        """The moves that cross a tier."""
        return [m for m in self.moves.rows() if m["tier_before"] != m["tier_after"]]

    def to_dict(self) -> dict[str, Any]:
        """The whole as plain values, for JSON."""
        from keepwell.app.plain import plain

        rest = {k: getattr(self, k) for k in ("day", "scorecard", "before", "after",
                                              "average_before", "average_after")}  # fmt: skip
        return {**plain(rest), "moves": plain(self.moves.rows())}


def simulate(
    project: Project,
    with_dir: Path | None,
    sets: Mapping[str, str],
    day: date | None,
    scorecard: str | None,
) -> Simulation:
    """Score a day's facts with the active and with the changed definitions.

    with_dir: a changed copy of the project, or a folder with only what is laid on its definitions.
    sets: fields by path, such as `usage.weight: 40` or `minimum_coverage: 60%`.
    """
    if with_dir is None and not sets:
        raise KeepwellError("what should change?", expected="--with DIR or --set usage.weight=40")
    key = card_key(project, scorecard)
    library = project.library if with_dir is None else _other(project, with_dir)
    if sets:
        library = _with_sets(library, key, sets)
    active = Plan(project.library.scorecard(key), project.library)
    changed = Plan(library.scorecard(key), library)
    day = day or project.history.latest_day(key) or project.last_covered_day() or project.today()
    now = clock.now()
    known = Known(min(now, clock.end_of(day, project.settings.timezone)), now)
    facts = project.facts(known)
    overrides = [o for o in project.workspace.overrides(on=day, known=known.known_at)
                 if o.scorecard == key]  # fmt: skip
    found: list[dict[str, Explanation]] = []
    names: dict[str, str] = {}
    metrics = dict.fromkeys([*active.metrics, *changed.metrics])
    shared = project.judge.values(
        facts, [day], [m for m in metrics if m in project.library.metrics]
    )
    for plan, lib in ((active, project.library), (changed, library)):
        judge = Judge(project.settings.model_copy(update={"scorecards": [key]}), lib)
        measured_alike = lib.metrics is project.library.metrics
        values = shared if measured_alike else judge.values(facts, [day], plan.metrics)
        ids = values["account_id"].to_pylist()
        names |= dict(zip(ids, values["account/name"].to_pylist(), strict=True))
        rows = judge.held(facts, values, plan)
        scored = judge.scored(facts.con, rows, plan, {day: overrides})
        found.append({e.account_id: e for e in explained(facts.con, plan, scored)})
    return _compared(day, key, found[0], found[1], names)


def _other(project: Project, folder: Path) -> Library:
    if not folder.is_dir():
        raise KeepwellError(f"there is no folder {folder}")
    files = read_folder(folder)
    if not files:
        raise KeepwellError(
            f"there are no definitions in {folder}",
            expected="a folder with metrics, scorecards or segments as a project has them",
        )
    is_project = (folder / "keepwell.yaml").exists()
    return load(files, built_in() if is_project else project.library, row_problems)


def _with_sets(library: Library, key: str, sets: Mapping[str, str]) -> Library:
    """The library with fields of one scorecard set to values given as YAML text."""
    document = library.documents[("scorecard", key)]
    card = library.scorecard(key)
    for path, text in sets.items():
        document = _replaced(document, _place(card, path), parse(text, f"--set {path}"))
    scorecard = validate(Scorecard, document)
    changed = Library(
        library.metrics,
        {**library.scorecards, key: scorecard},
        library.segmentations,
        library.segments,
        {**library.documents, ("scorecard", key): document},
    )
    problems = list(check(changed, {("scorecard", key)}))
    if problems:
        raise DefinitionErrors(problems)
    return changed


def _replaced(document: Document, place: FieldPath, given: Document) -> Document:
    """The document with another value in that place; without the field where it is null."""
    value = dict(document.value)
    inside = value
    for part in place[:-1]:
        inside[part] = dict(inside[part])
        inside = inside[part]
    inside.pop(place[-1], None)
    if given.value is not None:
        inside[place[-1]] = given.value
    positions = {p: at for p, at in document.positions.items() if p[: len(place)] != place}
    positions |= {(*place, *p): at for p, at in given.positions.items()}
    positions[place] = Position(given.file, 1, 1)
    return replace(document, value=value, positions=positions)


def _place(card: Scorecard, path: str) -> FieldPath:
    """Where in the file `usage/active_users.weight` or `minimum_coverage` stands."""
    fields = Scorecard.model_fields
    name, _, field = path.rpartition(".")
    if not name:
        if path in fields and path not in ("scorecard", "components"):
            return (path,)
        raise KeepwellError(
            f"'{path}' names no field", expected="a path such as usage.weight",
            todo=did_you_mean(path, fields),
        )  # fmt: skip
    found: NodePath | None = card.path_of(name)
    if found is None:
        names = ["/".join(p) for p, _ in card.nodes()]
        raise KeepwellError(f"there is no component '{name}'", todo=did_you_mean(name, names))
    if field == "components":
        raise KeepwellError(f"'{path}' is more than a field", todo="change a copy: --with DIR")
    return (*component_place(found), field)


def _compared(
    day: date,
    key: str,
    before: Mapping[str, Explanation],
    after: Mapping[str, Explanation],
    names: Mapping[str, str],
) -> Simulation:
    rows: list[dict[str, Any]] = []
    for account in dict.fromkeys([*before, *after]):
        old, new = before.get(account), after.get(account)
        moved = change(old, new, same_definition=False) if old and new else None
        tiers = [_tier(e) for e in (old, new)]
        scores = [e.score if e else None for e in (old, new)]
        if scores[0] != scores[1] or tiers[0] != tiers[1]:
            rows.append(
                {
                    "account": account,
                    "name": names.get(account),
                    "before": scores[0],
                    "after": scores[1],
                    "change": moved.points if moved else None,
                    "tier_before": tiers[0],
                    "tier_after": tiers[1],
                    "why": _why(moved),
                }
            )
    rows.sort(key=lambda r: (-abs(r["change"] or 0.0), r["account"]))
    return Simulation(
        day, key, Counter(map(_tier, before.values())), Counter(map(_tier, after.values())),
        _average(before), _average(after), Table(pa.Table.from_pylist(rows, schema=_MOVES)),
    )  # fmt: skip


_MOVES = pa.schema(
    [("account", pa.string()), ("name", pa.string()), ("before", pa.float64()),
     ("after", pa.float64()), ("change", pa.float64()), ("tier_before", pa.string()),
     ("tier_after", pa.string()), ("why", pa.string())]
)  # fmt: skip


def _tier(explanation: Explanation | None) -> str:
    if explanation is None:
        return "not_applicable"
    return explanation.tier.key if explanation.tier else NOT_ENOUGH


def _average(found: Mapping[str, Explanation]) -> float | None:
    scores = [e.score for e in found.values() if e.score is not None]
    return sum(scores) / len(scores) if scores else None


def _why(moved: Change | None) -> str | None:
    if moved is None or not moved.parts:
        return None
    sums: dict[str, float] = {}
    for part in moved.parts:
        sums[part.label] = sums.get(part.label, 0.0) + part.points
    label, points = max(sums.items(), key=lambda of: abs(of[1]))
    sign = "+" if points > 0 else "\N{MINUS SIGN}"
    return f"{label} {sign}{abs(points):.1f}"
