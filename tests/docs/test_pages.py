"""Pages agree with each other and with the code: links, names, tables."""

import re

import pytest

import robot_app
import robot_app.safety
from robot_app.behaviour.registry import BEHAVIOUR_NAMES
from robot_app.cli.main import COMMANDS
from robot_app.emulator.faults import Fault
from tests.e2e.test_faults import CASES
from tests.support.markdown import FENCE, PAGES, TOP

LINKS = [
    (page, link)
    for page in PAGES
    for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text(encoding="utf-8")))
    if "://" not in link
]


def read(name: str) -> str:
    return (TOP / name).read_text(encoding="utf-8")


def anchors(text: str) -> set[str]:
    """As GitHub and MkDocs make them of headings."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize(("page", "link"), LINKS, ids=lambda value: getattr(value, "name", value))
def test_a_link_leads_somewhere(page, link):
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    assert target.exists()
    assert not anchor or anchor in anchors(target.read_text(encoding="utf-8"))


def test_the_readme_stays_short():
    assert len(read("README.md").splitlines()) <= 150


def test_the_reference_has_every_name_of_the_front_door():
    shown = set(re.findall(r"^::: robot_app\.(\w+)$", read("docs/api.md"), re.MULTILINE))
    assert shown == set(robot_app.__all__)


def test_every_behaviour_and_command_is_described():
    assert set(re.findall(r"^\| `(\w+)` \| ", read("docs/behaviours.md"), re.MULTILINE)) == set(BEHAVIOUR_NAMES)
    text = " ".join(page.read_text(encoding="utf-8") for page in PAGES)
    missing = [
        command.__name__ for command in COMMANDS if f"robot-app {command.__name__.rpartition('.')[2]}" not in text
    ]
    assert missing == []


def test_what_stops_the_wheels_is_told_as_in_the_code():
    (table,) = re.findall(r"^\| what stops.*?\n\n", robot_app.safety.__doc__ or "", re.MULTILINE | re.DOTALL)
    assert table in read("docs/safety.md")


def test_the_table_of_faults_has_a_row_for_each():
    rows = re.findall(r"^\| ([^|]+) \|", read("docs/generated/faults.md"), re.MULTILINE)[1:]
    assert rows == [case.name for case in CASES]
    assert f"{len(rows)} faults" in read("README.md")
    assert set(re.findall(r"emulate --fault (\S+)", read("docs/safety.md"))) <= {fault.value for fault in Fault}
