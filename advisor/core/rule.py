"""A rule: a condition and its advice, as loaded and checked."""

from dataclasses import dataclass, field

from advisor.core.model import Action, Cadence, Severity
from advisor.core.sentence import Sentence


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule comes from: the document and its line, or the file that holds it."""

    document: str = ""
    line: int | None = None
    section: str = ""
    file: str = ""
    file_line: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition and its advice.

    `service` is a role, "any", or "" for the stack (with `provider`: its account there). An empty
    `provider` or `plan` matches all. `cadence` None means by severity. `sustained` is what the word
    means in this rule's pack, seconds. `targets` are the rules that `any target missed` looks at. `stages`:
    the actions of `then` are taken one after the other (`a then b`), else they are alternatives (`a or b`).
    """

    id: str
    sentence: Sentence
    then: tuple[Action, ...]
    severity: Severity
    says: str
    service: str = ""
    provider: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()
    cadence: Cadence | None = None
    targets: tuple[str, ...] = ()
    ladder: str = ""
    playbook: str = ""
    formerly: tuple[str, ...] = ()
    pack: str = ""
    sustained: float = 900.0
    question: str = ""
    stages: bool = False
    source: Source = field(default_factory=Source)

    @property
    def told(self) -> Cadence:
        """When people are told: the rule's own word, else by severity."""
        if self.cadence is not None:
            return self.cadence
        return {
            Severity.CRITICAL: Cadence.IMMEDIATE,
            Severity.WARNING: Cadence.DAILY,
            Severity.INFO: Cadence.WEEKLY,
        }[self.severity]
