"""`advisor` and `python -m advisor`: one sentence for every foreseen error, and the documented exit code."""

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from advisor.errors import AdvisorError


def main() -> None:
    """Run the command line.

    Exit codes: 0 well, 1 a fault of the user's input or usage, 2 `--fail-on` is met, 3 out of reach.
    """
    # What a start makes, stays: to look through it for garbage every 700 objects takes a tenth of the time.
    gc.set_threshold(50_000, 10, 10)
    try:
        code = _run(sys.argv[1:])
    except AdvisorError as error:
        _complain(str(error))
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:  # `advisor ... | head` closed the pipe; nobody reads on.
        sys.stderr.close()
        code = 0
    except Exception as error:  # noqa: BLE001 - what is no usage error is raised again
        code = _usage(error)
    sys.exit(code if isinstance(code, int) else 0)


def _run(words: Sequence[str]) -> object:
    config = plain_run(words)
    if config is not None:
        from advisor.commands.run import run  # noqa: PLC0415 - loaded when run, like every command

        return run(config)
    from advisor.cli import app  # noqa: PLC0415 - the commands load what they need when they run

    return app(standalone_mode=False)


def plain_run(words: Sequence[str]) -> Path | None:
    """Return the configuration that `advisor run` is told in so many words; None for anything else.

    The daemon stays for months and would hold the command library, 8 MiB, for having read two words.
    """
    match words:
        case ["run"]:
            return Path(os.environ.get("ADVISOR_CONFIG") or "advisor.yaml")
        case ["run", "--config" | "-c", path] if not path.startswith("-"):
            return Path(path)
        case _:
            return None


def _usage(error: Exception) -> int:
    """Answer a wrong option or argument; the command library would exit with 2, ours is 1."""
    show = getattr(error, "format_message", None)
    if show is None:
        raise error
    if type(error).__name__ == "NoArgsIsHelpError":
        print(show())
        return 0
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "advisor"
    _complain(f"{show()} (see: {path} --help)")
    return 1


def _complain(text: str) -> None:
    from advisor.secrets import redact  # noqa: PLC0415 - needed only when something went wrong

    print(f"advisor: {redact(text)}", file=sys.stderr)


if __name__ == "__main__":
    main()
