"""Results of checks, as text for people and as JSON for bug reports."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a check has ended."""

    SOUND = "sound"
    DOUBTFUL = "doubtful"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


SIGNS = {Status.SOUND: "✓", Status.DOUBTFUL: "!", Status.FAILED: "✗", Status.NOT_CHECKED: "-"}


@dataclass(frozen=True, slots=True)
class Finding:
    """Of one check: what was found, and, unless all is well, what to do about it."""

    check: str
    status: Status
    text: str
    hint: str = ""


class CheckFailed(Exception):  # noqa: N818 - a finding, not a mistake of the program
    """What is wrong, and what to do about it. `is_fatal`: nothing that builds on it can work."""

    def __init__(self, text: str, hint: str, *, is_fatal: bool = True) -> None:
        super().__init__(text)
        self.hint = hint
        self.is_fatal = is_fatal


def format_findings(findings: Sequence[Finding]) -> str:
    """One line for each, and one more with the hint where there is one."""
    width = max(len(finding.check) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{SIGNS[finding.status]} {finding.check:<{width}}  {finding.text}")
        if finding.hint:
            lines.append(f"  {'':<{width}}  → {finding.hint}")
    return "\n".join(lines)


def findings_as_json(findings: Sequence[Finding]) -> str:
    """Indented JSON with the findings and what machine this is. Holds no secret, since no finding does."""
    machine = {"system": platform.platform(), "machine": platform.machine(), "python": platform.python_version()}
    return json.dumps({**machine, "checks": [asdict(finding) for finding in findings]}, indent=2, ensure_ascii=False)
