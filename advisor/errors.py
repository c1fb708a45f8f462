"""Errors that a user can cause. Each is one sentence: the place, the cause and the way out.

AdvisorError          exit code 1
├── InputError        the user's input or usage: file, line, key
└── OutOfReach        something could not be reached: exit code 3
"""


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


class OutOfReach(AdvisorError):
    """A database, an endpoint or a channel could not be reached."""

    exit_code = 3
