"""How to do a migration or a fix: Markdown with front matter, filled with a stack's facts when it is used."""

import re
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

_STEP = re.compile(r"^\d+\.\s+(?P<step>.+(?:\n(?!\d+\.|\n|#).+)*)", re.MULTILINE)
_FACT = re.compile(r"\{(?P<name>[a-z_]+)\}")


class Playbook(BaseModel):
    """One playbook. `source` names document and lines, or what it is known from; `checks` prove it worked."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    title: str
    source: str
    start: str = ""
    target: str = ""
    downtime: str = "not known"
    code_changes: str = "not known"
    reversible: str = "not known"
    checks: tuple[str, ...] = ()
    body: str = ""

    def steps(self, facts: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """Return its numbered steps with `{facts}` filled in; a fact that is not known stays a blank."""
        known = facts or {}
        found = (" ".join(match["step"].split()) for match in _STEP.finditer(self.body))
        return tuple(_FACT.sub(lambda m: known.get(m["name"], f"<{m['name']}>"), step) for step in found)
