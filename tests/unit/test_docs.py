"""The pages name only what exists: files, commands and options, settings with their defaults, packages."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import get_args, get_origin

import pytest
import typer
from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

from gateway.cli.commands import app
from gateway.settings import DEMO_TOKEN, Settings

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
MADZI = re.compile(r"(?:^|\s)(?:\.venv/bin/)?madzi(?:\s|$)")


def page_id(page):
    return page.name


# Links


def heads(page):
    """The anchors of a page's headings, as readers on the web make them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_relative_link_leads_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        file, _, anchor = target.partition("#")
        found = (page.parent / file).resolve() if file else page
        assert found.exists(), f"{target} leads nowhere"
        assert not anchor or anchor in heads(found), f"{target}: no such heading"


def test_every_page_of_docs_can_be_reached_from_the_readme():
    reached, edge = set(), {ROOT / "README.md"}
    while edge:
        page = edge.pop()
        reached.add(page)
        links = {
            (page.parent / target.partition("#")[0]).resolve()
            for target in LINK.findall(page.read_text(encoding="utf-8"))
            if target.partition("#")[0].endswith(".md") and "://" not in target
        }
        edge |= links - reached
    # What is measured is written by `make bench`; its page joins when it is linked.
    assert {page for page in PAGES if page.name != "performance.md"} <= reached


# Commands


def commands(page):
    """Every `madzi …` of a page: in code spans, and lines of code blocks that are commands."""
    text = page.read_text(encoding="utf-8")
    lines = [line for language, block in FENCE.findall(text) if not language for line in block.split("\n")]
    spans = SPAN.findall(FENCE.sub("", text))
    for code in (*lines, *spans):
        found = MADZI.search(code)
        begins = re.match(r"\s*(?:[A-Z_]+=\S+ )?(?:(?:release|web|worker|clock|dial|look): ?)?", code)
        if found and found.start() <= begins.end():
            yield code[found.end() :]


def words(code):
    code = code.replace("…", "").replace("'*384*7*1#'", "CODE")
    return shlex.split(code, comments=True)


def problem(code):
    """What is wrong with a command, or nothing."""
    here = [typer.main.get_command(app)]
    for word in words(code):
        if re.fullmatch(r"\+?\d{9,}", word):
            return None  # a phone number: what follows is what its owner says
        if word.startswith("--"):
            name = word.partition("=")[0]
            for command in here:
                if name != "--help" and not any(name in param.opts for param in command.params):
                    return f"{command.name} has no {name}"
        elif any(hasattr(command, "commands") for command in here) and word != word.upper():
            names = word.split("|")
            groups = [command.commands for command in here if hasattr(command, "commands")]
            subs = [group.get(name) for group in groups for name in names]
            if not all(subs):
                return f"there is no {word!r}"
            here = subs
    return None


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_command_and_option_exists(page):
    for code in commands(page):
        assert problem(code) is None, f"madzi {code}: {problem(code)}"


def test_commands_are_found_in_spans_and_blocks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "Run `madzi verify` here.\n```\n.venv/bin/madzi tap show X  # a note\n"
        "MADZI_DATA_DIR=x .venv/bin/madzi bill P\nMadzi is ready\n```\n```sql\nmadzi nonsense\n```\n"
    )
    assert sorted(words(code)[0] for code in commands(page)) == ["bill", "tap", "verify"]


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("serve --port 8080", None),
        ("zones|taps import FILE --dry-run", None),
        ("", None),
        ("fly", "there is no 'fly'"),
        ("tap burn X", "there is no 'burn'"),
        ("serve --wings", "serve has no --wings"),
        ("zones|wells import FILE", "there is no 'zones|wells'"),
    ],
)
def test_a_wrong_command_is_noticed(code, wrong):
    assert problem(code) == wrong


def test_the_readme_shows_what_the_demo_really_prints():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    said = (ROOT / "gateway" / "cli" / "demo.py").read_text(encoding="utf-8")
    welcome = said.partition('f"""')[2].partition('"""')[0]
    for value, shown in {
        "{count}": "314",
        "{madzi}": ".venv/bin/madzi",
        "{gateway_url}": "http://127.0.0.1:8080",
        "{providers_url}": "http://127.0.0.1:8081",
        '{data / "madzi.log"}': "var/madzi.log",
    }.items():
        welcome = welcome.replace(value, shown)
    assert welcome in readme


# Settings


def members(model):
    """The environment names of a settings model, with their defaults."""
    for name, field in model.model_fields.items():
        parts = [part for part in get_args(field.annotation) if isinstance(part, type)]
        nested = [part for part in parts if issubclass(part, BaseModel)]
        if nested and get_origin(field.annotation) is not dict:
            yield from ((f"{name}_{inner}", default) for inner, default in members(nested[0]))
        else:
            yield name, field.default


def shown(default):
    """How the page writes a default."""
    if isinstance(default, SecretStr):
        return "a public demo token" if default.get_secret_value() == DEMO_TOKEN else "?"
    if default in (None, "", PydanticUndefined):
        return "-"
    return "`" + str(default).replace("'", '"') + "`"


def rows(page, first_cell):
    cells = [
        [cell.strip() for cell in line.strip().strip("|").split("|")]
        for line in (ROOT / "docs" / page).read_text(encoding="utf-8").split("\n")
    ]
    return [row for row in cells if re.fullmatch(first_cell, row[0])]


def test_the_settings_named_for_operators_are_those_that_exist():
    named = {row[0].strip("`"): row[1] for row in rows("operators.md", r"`MADZI_\w+`")}
    assert named == {f"MADZI_{name.upper()}": shown(default) for name, default in members(Settings)}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_no_page_names_a_setting_that_does_not_exist(page):
    known = {f"MADZI_{name.upper()}" for name, _ in members(Settings)}
    named = set(re.findall(r"\bMADZI_[A-Z0-9_]+(?![A-Z0-9_*…])", page.read_text(encoding="utf-8")))
    assert {name for name in named if not name.endswith("_")} <= known


# Packages and metrics


def test_every_dependency_has_its_line_and_no_other_has():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = [re.match(r"[\w-]+", line)[0] for line in wanted]
    listed = [row[0] for row in rows("dependencies.md", r"[a-z][\w-]+") if len(row) == 3]
    assert sorted(name for name in listed if name != "package") == sorted(names)


def test_every_metric_has_its_line_and_no_other_has():
    source = (ROOT / "core" / "metrics.py").read_text(encoding="utf-8")
    listed = {row[0].strip("`") for row in rows("operators.md", r"`madzi_\w+`")}
    assert listed == set(re.findall(r'"(madzi_\w+)"', source))


def test_every_item_that_staff_may_meet_is_explained():
    sources = [*(ROOT / "payments" / "decide").glob("*.py"), ROOT / "gateway" / "callbacks.py"]
    text = "\n".join(source.read_text(encoding="utf-8") for source in sources)
    listed = {kind for row in rows("operators.md", r"(?:`\w+`(?:, )?)+") for kind in SPAN.findall(row[0])}
    for kind in ("second_success", "over_payment", "amount_differs", "unmatched_callback", "contradiction"):
        assert f'"{kind}"' in text
    kept = re.findall(r'(?:keep|OpenItem)\(\s*f"[^"]*",\s*"(\w+)"', text)
    assert len(kept) >= 4
    assert set(kept) <= listed
