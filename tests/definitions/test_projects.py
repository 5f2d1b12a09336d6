"""A project folder: settings and definitions together, all problems of all files at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from keepwell.definitions.library import Library
from keepwell.definitions.loading import load, load_project, load_settings, read_folder
from keepwell.kit.errors import DefinitionErrors, KeepwellError

BASE = load([("catalog/base.yaml", """\
metrics:
  plan: {label: Plan, assessed: [small, large]}
""",), ("catalog/card.yaml", """\
scorecard: card
label: Card
tiers: [{key: all, label: All, from: 0}]
components: {plan: {metric: plan, choices: {small: 20, large: 100}}}
""")])  # fmt: skip
GOOD = "name: Acme\nscorecards: [card]\n"


def project(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def lines(folder: Path) -> list[str]:
    with pytest.raises(DefinitionErrors) as caught:
        load_project(folder, BASE)
    return [problem.text() for problem in caught.value.problems]


def test_a_project_needs_a_name_and_a_scorecard_only(tmp_path: Path) -> None:
    settings, library = load_project(project(tmp_path, {"keepwell.yaml": GOOD}), BASE)
    assert (settings.name, settings.scorecards) == ("Acme", ["card"])
    assert (settings.timezone, settings.currency) == ("UTC", "EUR")
    assert settings.places.facts == "data/facts"
    assert (settings.peers.by, settings.peers.at_least) == ([], 8)
    assert library.scorecards == BASE.scorecards


def test_every_setting_is_read(tmp_path: Path) -> None:
    text = """\
name: Acme
timezone: Asia/Tokyo
currency: JPY
scorecards: [card]
segmentations: []
places: {facts: /srv/facts}
history: {schema: scored}
sources: {old_crm: {retired: true}}
fresh_for: {usage_daily: 3 days, touchpoints.qbr: 1 year}
peers: {by: [plan], at_least: 3}
"""
    settings, _ = load_settings(project(tmp_path, {"keepwell.yaml": text}))
    assert (settings.timezone, settings.currency, settings.segmentations) == (
        "Asia/Tokyo", "JPY", [],
    )  # fmt: skip
    assert settings.places.facts == "/srv/facts"
    assert settings.places.history == "data/history"
    assert settings.history.schema_ == "scored"
    assert settings.sources["old_crm"].retired
    assert settings.fresh_for == {"usage_daily": 3, "touchpoints.qbr": 365}
    assert (settings.peers.by, settings.peers.at_least) == (["plan"], 3)


def test_problems_of_settings_and_definitions_come_together(tmp_path: Path) -> None:
    folder = project(
        tmp_path,
        {
            "keepwell.yaml": "name: Acme\ntimezone: Europe/Londn\ncurrency: euro\nscorecards: []\n",
            "metrics/a.yaml": "metrics:\n  a: {label: A, formula: plann}\n",
            "scorecards/deep/b.yml": "scorecard: b\nextends: cart\n",
            "segments/c.yaml": "segmentation: c\n",
            "README.md": "no definition: {",
        },
    )
    found = lines(folder)
    assert [text.partition(": ")[0] for text in found] == [
        "keepwell.yaml:2:1", "keepwell.yaml:3:1", "keepwell.yaml:4:1",
        "metrics/a.yaml:2:17",
        "scorecards/deep/b.yml:2:1",
        "segments/c.yaml:1:1", "segments/c.yaml:1:1",
    ]  # fmt: skip
    assert found[0] == (
        "keepwell.yaml:2:1: timezone: 'Europe/Londn' is not a time zone; expected an IANA name "
        "such as Europe/London; did you mean 'Europe/London'?"
    )
    assert found[1] == (
        "keepwell.yaml:3:1: currency: 'euro' is not a currency; expected three letters such as EUR"
    )
    assert found[4].endswith("no scorecard is called 'cart'; expected a scorecard; "
                             "did you mean 'card'?")  # fmt: skip
    assert all("\n" not in text for text in found)


def test_settings_name_what_is_there(tmp_path: Path) -> None:
    text = "name: A\nscorecards: [card, cart]\nsegmentations: [rfm]\npeers: {by: [plan, plam]}\n"
    assert lines(project(tmp_path, {"keepwell.yaml": text})) == [
        (
            "keepwell.yaml:2:20: scorecards.1: no scorecard is called 'cart'; expected one of "
            "card; did you mean 'card'?"
        ),
        "keepwell.yaml:3:17: segmentations.0: no segmentation is called 'rfm'; expected one of ",
        (
            "keepwell.yaml:4:20: peers.by.1: no metric is called 'plam'; expected a metric's key; "
            "did you mean 'plan'?"
        ),
    ]


def test_a_built_in_scorecard_that_a_new_metric_no_longer_fits_is_named(tmp_path: Path) -> None:
    metrics = "metrics:\n  plan: {label: Seats, assessed: {from: 0, to: 5}}\n"
    folder = project(tmp_path, {"keepwell.yaml": GOOD, "metrics/plan.yaml": metrics})
    assert lines(folder) == [
        "catalog/card.yaml:4:14: components.plan: 'Seats' is a number; expected bands or ranges"
    ]


@pytest.mark.parametrize(
    "place",
    [
        "/srv/history", "history", "s3://bucket", "s3://bucket/a/b", "gs://bucket/a/", "az://box/a",
        "postgresql://keepwell@db.example.com/crm", "postgres:///crm",
    ],
)  # fmt: skip
def test_places_of_history(tmp_path: Path, place: str) -> None:
    text = GOOD + f"places: {{history: '{place}'}}\n"
    settings, _ = load_settings(project(tmp_path, {"keepwell.yaml": text}))
    assert settings.places.history == place
    assert settings.history.schema_ == "keepwell_history"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "there is no keepwell.yaml in "),
        ({"keepwell.yaml": ""}, "keepwell.yaml:1:1: file: the file is empty"),
        ({"keepwell.yaml": "- Acme"}, "keepwell.yaml:1:1: file: the file is empty"),
        ({"keepwell.yaml": GOOD + "colour: red\n"}, "keepwell.yaml:3:1: colour: unknown field"),
        ({"keepwell.yaml": GOOD + "places: {facts: 'postgresql://me:x@host/db'}\n"},
         "keepwell.yaml:3:10: places.facts: a password does not belong into keepwell.yaml"),
        ({"keepwell.yaml": GOOD + "places: {facts: 'databricks://token:x@host/sql/1'}\n"},
         "which is in git; expected it in the environment (DATABRICKS_TOKEN)"),
        ({"keepwell.yaml": GOOD + "places: {facts: 'postgresql://host/db?password=x'}\n"},
         "which is in git; expected it in the environment (PGPASSWORD) or in a password file"),
        ({"keepwell.yaml": GOOD + "places: {history: 'postgresql://me:x@host/db'}\n"},
         "keepwell.yaml:3:10: places.history: a password does not belong into keepwell.yaml"),
        ({"keepwell.yaml": GOOD + "places: {history: 's3://key:secret@bucket/x'}\n"},
         "which is in git; expected it in the environment (AWS_SECRET_ACCESS_KEY)"),
        ({"keepwell.yaml": GOOD + "places: {history: 's3://key@bucket/x'}\n"},
         "s3://key@bucket/x is no place in a bucket; expected s3://bucket/prefix"),
        ({"keepwell.yaml": GOOD + "places: {history: 's3://'}\n"},
         "s3:// is no place in a bucket; expected s3://bucket/prefix"),
        ({"keepwell.yaml": GOOD + "places: {history: 'ftp://host/x'}\n"},
         ("places.history: history cannot be kept at ftp://; expected a folder, s3://, gs://, az://,"
         " postgresql://")),
        ({"keepwell.yaml": GOOD.replace("Acme", "&a Acme")}, "anchors and aliases are not used"),
        ({"keepwell.yaml": GOOD, "metrics/a.yaml": b"metrics: {a: {label: caf\xe9}}"},
         "a.yaml: byte 24 is not UTF-8"),
        ({"keepwell.yaml": b"name: \xff\n"}, "keepwell.yaml: byte 6 is not UTF-8"),
        ({"keepwell.yaml": GOOD, "metrics/a.yaml": "metrics: {a: " + "[" * 100},
         "metrics/a.yaml:1:52: file: too deeply nested"),
    ],
)  # fmt: skip
def test_one_message_says_what_is_wrong_with_a_folder(
    tmp_path: Path, files: dict[str, str | bytes], message: str
) -> None:
    with pytest.raises(KeepwellError) as caught:
        load_project(project(tmp_path, files), BASE)
    assert message in str(caught.value)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "keepwell.yaml": b"\xef\xbb\xbf" + GOOD.encode(),
        "metrics/a.yaml": "metrics: {a: {label: Café – 東京, formula: plan, unit: category}}",
    }
    _, library = load_project(project(tmp_path, files), BASE)
    assert library.metric("a").label == "Café – 東京"


def test_files_are_read_in_a_fixed_order_from_the_three_folders(tmp_path: Path) -> None:
    names = ["segments/a.yaml", "scorecards/z.yml", "metrics/b.yaml", "metrics/a/c.yaml"]
    project(tmp_path, dict.fromkeys([*names, "other/d.yaml", "metrics/notes.txt"], ""))
    assert [name for name, _ in read_folder(tmp_path)] == [
        "metrics/a/c.yaml", "metrics/b.yaml", "scorecards/z.yml", "segments/a.yaml",
    ]  # fmt: skip
    assert load(read_folder(tmp_path)) == Library()
