"""Errors that a user can cause. Each is one sentence: the place, the cause and the way out.

AdvisorError          exit code 1
├── InputError        the user's input or usage: file, line, key
│   └── Faults        several of them, a line each
└── OutOfReach        something could not be reached: exit code 3
"""

from collections.abc import Sequence


class AdvisorError(Exception):
    """Printed as one sentence; the process ends with `exit_code`."""

    exit_code = 1


class InputError(AdvisorError):
    """A fault of the user's input or usage, named by file, line and key where there is one."""

    def __init__(self, message: str, *, file: str = "", line: int = 0, key: str = "") -> None:
        place = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(f"{place}{f'`{key}`: ' if key else ''}{message}")
        self.file = file
        self.line = line
        self.key = key
        self.message = message


class Faults(InputError):
    """All faults of one file, or of several that belong together, a line each."""

    def __init__(self, errors: Sequence[InputError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = tuple(errors)
        self.file = errors[0].file
        self.line = errors[0].line
        self.key = errors[0].key


def each(error: InputError) -> tuple[InputError, ...]:
    """Return the faults that an error stands for: those of a `Faults`, else itself."""
    return (
        tuple(one for below in error.errors for one in each(below)) if isinstance(error, Faults) else (error,)
    )


def all_of(errors: Sequence[InputError]) -> InputError:
    """Return one error for all of these: itself where it is alone."""
    single = [one for error in errors for one in each(error)]
    return single[0] if len(single) == 1 else Faults(single)


class OutOfReach(AdvisorError):
    """A database, an endpoint or a channel could not be reached."""

    exit_code = 3
