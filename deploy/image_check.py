"""Runs the Dockerfile's steps without an engine, then the result as its user on a read-only root.

Called by `deploy/image_check` in a mount namespace of its own; all that is mounted ends with it. Each stage
is an overlay over this machine's system, in memory: what a step writes is seen by the next step only. This
is no image build: the base image, its system packages and the layers are not checked.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import dockerfile
from dockerfile import Stage

HERE = Path(__file__).resolve().parent.parent
CONFIG = """\
stacks:
  check:
    services:
      # Refused at once, so that a poll happens and fails as polls do.
      api: {provider: http, url: "http://127.0.0.1:1/", metrics: {seats: {path: count}}}
web: {listen: 127.0.0.1:%d}
"""


class Root:
    """A stage's file system: an overlay over this machine's, in memory."""

    def __init__(self, memory: Path, name: str) -> None:
        self.path = memory / name / "root"
        upper, work = memory / name / "upper", memory / name / "work"
        for folder in (self.path, upper, work):
            folder.mkdir(parents=True)
        options = f"lowerdir=/,upperdir={upper},workdir={work}"
        mount("-t", "overlay", "overlay", "-o", options, str(self.path))
        # A base image has no virtual environment of ours, and its Python is called `python`.
        link = self.path / "usr/local/bin/python"
        link.unlink(missing_ok=True)
        link.symlink_to(sys.executable)
        for system in ("proc", "dev"):
            mount("--rbind", f"/{system}", str(self.path / system))
        mount("-t", "tmpfs", "tmpfs", str(self.path / "tmp"))

    def at(self, path: str) -> Path:
        """Return where a path of the stage is outside of it."""
        return self.path / path.lstrip("/")

    def command(self, stage: Stage, argv: list[str], user: str = "0:0", **extra: str) -> list[str]:
        """Return the command that runs `argv` in this root as `user`, in the stage's environment alone."""
        settings = {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": "/",
            **stage.env(),
            **extra,
        }
        environment = [f"{key}={value}" for key, value in settings.items()]
        folder = stage.last("WORKDIR") or "/"
        chroot = ["chroot", f"--userspec={user}", "--groups=", str(self.path)]
        return [*chroot, "/usr/bin/env", "-i", "-C", folder, *environment, *argv]


def mount(*arguments: str) -> None:
    """Mount, or fail."""
    subprocess.run(["mount", *arguments], check=True)


def say(text: str) -> None:
    """Print at once, between what the steps print."""
    print(text, flush=True)


def build(root: Root, stage: Stage, roots: dict[str, Root]) -> None:
    """Run the stage's steps in order."""
    folder = "/"
    # Where packages come from is this machine's business, as it is a builder's.
    ours = {
        key: value for key, value in os.environ.items() if key.startswith("PIP_") or key.endswith("_proxy")
    }
    done = Stage(stage.base, stage.name)
    for word, rest in stage.steps:
        done.steps.append((word, rest))
        if word == "WORKDIR":
            folder = rest
            root.at(folder).mkdir(parents=True, exist_ok=True)
        elif word == "COPY":
            name, sources, target = dockerfile.copy(rest)
            copy(roots[name].path if name else HERE, sources, root.at(str(Path(folder, target))), target)
        elif word == "RUN":
            for part in rest.split("&&"):
                say(f"  RUN {part.strip()}")
            user = done.last("USER") or "0:0"
            command = root.command(done, ["/bin/sh", "-ec", rest], user, HOME="/root", **ours)
            result = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
            )
            if result.returncode:
                sys.exit(f"{result.stdout}\nimage-check: this step failed with {result.returncode}")


def copy(base: Path, sources: list[str], target: Path, written: str) -> None:
    """Copy as COPY does: a folder's content into the target, a file into a target that ends in `/`."""
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    for source in sources:
        origin = base / source.lstrip("/")
        if origin.is_dir():
            shutil.copytree(origin, target, symlinks=True, dirs_exist_ok=True, ignore=ignore)
        elif written.endswith("/") or len(sources) > 1:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(origin, target)
        else:
            shutil.copy2(origin, target)


class Check:
    """What is asked of the result; a line each."""

    def __init__(self) -> None:
        self.failed = 0

    def that(self, claim: str, holds: bool, why: str = "") -> None:
        """Print whether the claim holds, and why not."""
        self.failed += not holds
        say(f"  {'ok  ' if holds else 'FAIL'} {claim}{f': {why.strip()}' if why and not holds else ''}")


def try_out(root: Root, stage: Stage, memory: Path) -> int:
    """Run the result as the Dockerfile says, on a read-only root with only the volume writable."""
    user, volume = stage.last("USER"), stage.last("VOLUME")
    uid, gid = (int(part) for part in user.split(":"))
    data = memory / "volume"
    data.mkdir(mode=0o750)
    os.chown(data, uid, gid)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (data / "advisor.yaml").write_text(CONFIG % port, "utf-8")
    mount("-o", "remount,ro", str(root.path))
    mount("--bind", str(data), str(root.at(volume)))

    def run(argv: list[str]) -> subprocess.CompletedProcess[str]:
        command = root.command(stage, argv, user, ADVISOR_HEALTHCHECK=f"127.0.0.1:{port}")
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    check = Check()
    entry = dockerfile.words(stage.last("ENTRYPOINT"))
    for argument in ("--version", "--help"):
        result = run([*entry, argument])
        check.that(f"{' '.join(entry)} {argument}", result.returncode == 0, result.stderr)
    result = run(["/bin/sh", "-c", "id -u; touch /opt/x /etc/x /usr/x 2>&1"])
    check.that(f"runs as {uid}", result.stdout.startswith(f"{uid}\n"), result.stdout)
    check.that("the root is read-only", result.stdout.count("Read-only file system") == 3, result.stdout)
    venv = root.at(stage.env()["PATH"].split(":")[0]).parent
    tools = [
        tool
        for tool in ("pip", "setuptools", "wheel", "hatchling", "build")
        if [*venv.glob(f"lib/*/site-packages/{tool}")]
    ]
    check.that("no build tools beside the application", not tools, ", ".join(tools))
    foreign = [path for path in venv.rglob("*") if path.stat(follow_symlinks=False).st_uid != 0]
    check.that("its user can change nothing of the application", not foreign, str(foreign[:1]))

    command = root.command(stage, [*entry, *dockerfile.words(stage.last("CMD"))], user)
    try_daemon(check, command, run, dockerfile.words(stage.last("HEALTHCHECK")), memory, uid)
    return check.failed


Run = Callable[[list[str]], "subprocess.CompletedProcess[str]"]


def try_daemon(check: Check, command: list[str], run: Run, health: list[str], memory: Path, uid: int) -> None:
    """Start the daemon, ask for its health as the engine would, and end it."""
    data = memory / "volume"
    started = time.monotonic()
    log = (memory / "log").open("w+")
    daemon = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, text=True)
    healthy = False
    while not healthy and daemon.poll() is None and time.monotonic() - started < 20:
        healthy = run(health).returncode == 0
        time.sleep(0.05)
    check.that(f"is healthy ({time.monotonic() - started:.1f} s)", healthy, said(log))
    if daemon.poll() is None:
        check.that(
            "writes its store into the volume", bool([*data.glob("advisor.db")]), str([*data.iterdir()])
        )
        owner = Path(f"/proc/{daemon.pid}").stat().st_uid
        check.that("the daemon is the user's, not root's", owner == uid, str(owner))
        started = time.monotonic()
        run(health)
        check.that(
            f"the healthcheck is cheap ({time.monotonic() - started:.2f} s)", time.monotonic() - started < 1
        )
        daemon.send_signal(signal.SIGTERM)
        try:
            code = daemon.wait(40)
        except subprocess.TimeoutExpired:
            daemon.kill()
            code = daemon.wait()
        check.that(f"ends well when told to ({time.monotonic() - started:.1f} s)", code == 0, said(log))
    check.that("the healthcheck sees that it is gone", run(health).returncode == 1)


def said(log: TextIO) -> str:
    """Return the last lines of the daemon."""
    log.seek(0)
    return log.read()[-2000:]


def main() -> int:
    """Run every stage, then try the last one out; return the exit code."""
    stages = dockerfile.read(HERE)
    with tempfile.TemporaryDirectory(prefix="image-check-") as folder:
        memory = Path(folder)
        mount("-t", "tmpfs", "tmpfs", folder)
        try:
            roots: dict[str, Root] = {}
            for stage in stages:
                say(f"FROM {stage.base}: here this system with Python {sys.version.split()[0]}")
                roots[stage.name] = Root(memory, stage.name)
                build(roots[stage.name], stage, roots)
            say("What the Dockerfile made, run as its user:")
            failed = try_out(roots[stages[-1].name], stages[-1], memory)
        finally:
            subprocess.run(["umount", "--recursive", "--lazy", folder], check=False)
    say("image-check: FAILED" if failed else "image-check: the Dockerfile's steps hold; no image was built")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
