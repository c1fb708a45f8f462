"""`advisor` and `python -m advisor`: one sentence for every foreseen error, and the documented exit code."""

import contextlib
import errno
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
    _open_streams()
    try:
        code = _run(sys.argv[1:])
        sys.stdout.flush()
    except AdvisorError as error:
        _complain(str(error))
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    except SystemExit as end:
        # The command library ends with 1 where `advisor ... | head` closed the pipe, having wrapped stdout.
        code = 0 if type(sys.stdout).__name__ == "PacifyFlushWrapper" else end.code
    except BrokenPipeError:  # The same, when the last lines are written; nobody reads on.
        _discard_output()
        code = 0
    except OSError as error:
        code = _unwritten(error)
    except Exception as error:  # noqa: BLE001 - what is no usage error is a fault of ours, shown redacted
        code = _usage(error)
    sys.exit(code if isinstance(code, int) else 0)


def _run(words: Sequence[str]) -> object:
    config = plain_run(words)
    if config is not None:
        from advisor.commands.run import run  # Loaded when run, like every command.

        return run(config)
    from advisor.cli import app  # The commands load what they need when they run.

    return app(prog_name="advisor", standalone_mode=False)


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
        return _own_fault(error)
    if type(error).__name__ == "NoArgsIsHelpError":
        print(show())
        return 0
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "advisor"
    _complain(f"{show().replace('Value error, ', '').rstrip('.')} (see: {path} --help)")
    return 1


def _unwritten(error: OSError) -> int:
    """Answer a full disk behind standard output; any other such error is a fault of ours."""
    if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EIO} or error.filename is not None:
        return _own_fault(error)
    _discard_output()
    _complain(f"the output cannot be written ({error.strerror}): free some space, or write it elsewhere")
    return 3


def _own_fault(error: Exception) -> int:
    """Show where the advisor itself failed, without any credential that the error may name."""
    import traceback  # Needed only when something went wrong.

    from advisor.secrets import redact

    sys.stderr.write(redact("".join(traceback.format_exception(error))))
    return 1


def _open_streams() -> None:
    """Give the process the streams that whoever started it closed: `advisor run >&-`."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - until the end


def _discard_output() -> None:
    """Let what is still to be written go nowhere, so that Python does not complain about it at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(text: str) -> None:
    from advisor.secrets import redact  # Needed only when something went wrong.

    print(f"advisor: {redact(text)}", file=sys.stderr)


if __name__ == "__main__":
    main()
