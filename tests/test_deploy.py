"""What is shipped: the wheel, the pinned versions, the Dockerfile, compose and systemd files."""

import http.server
import shutil
import socket
import subprocess
import sys
import threading
import tomllib
import zipfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement

from advisor import strict_yaml
from advisor.healthcheck import alive

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def load(name: str) -> ModuleType:
    spec = spec_from_file_location(name, ROOT / "deploy" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


dockerfile = load("dockerfile")
STAGES = dockerfile.read(ROOT)


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {name.lower().replace("_", "-"): version for name, version in pairs}


def test_every_dependency_is_pinned_within_its_range() -> None:
    versions = pinned()
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    for requirement in map(Requirement, wanted):
        name = requirement.name.lower().replace("_", "-")
        assert name in versions, f"{name} is missing in constraints.txt"
        assert requirement.specifier.contains(versions[name]), f"{name} {versions[name]} is out of range"


def test_the_pinned_versions_name_no_host() -> None:
    text = (ROOT / "constraints.txt").read_text("utf-8")
    assert "://" not in text
    assert "@" not in text


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source") / "project"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("advisor", "collectors", "rules"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignored)
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, source)
    (source / "README.md").write_text("# Scaling Advisor\n")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(source / "dist"), str(source)]
    # The wheel is made from the source distribution, so both are right or neither is.
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return next((source / "dist").glob("*.whl"))


def test_the_wheel_holds_every_file_once(wheel: Path) -> None:
    names = [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("advisor/")]
    package = ROOT / "advisor"
    files: set[str] = set()
    for folder in (package, package / "collectors", package / "rules"):
        below = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        files |= {f"advisor/{path.relative_to(package)}" for path in below}
    assert len(names) == len(set(names))
    assert set(names) == files
    for ending in (".yaml", ".sql", ".j2", ".md", "py.typed", "migrations/env.py"):
        assert any(name.endswith(ending) for name in names), f"no {ending} in the wheel"


def test_the_wheel_names_the_command_and_holds_the_collectors(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    entry = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
    text = archive.read(entry).decode()
    assert "advisor = advisor.__main__:main" in text
    names = set(archive.namelist())
    assert {"advisor/collectors/http.py", "advisor/collectors/postgresql/__init__.py"} <= names
    assert any(name.startswith("advisor/collectors/") and "/samples/" in name for name in names)


def test_all_that_the_dockerfile_copies_exists_and_reaches_the_builder() -> None:
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")
    }
    copied = [source for copy in STAGES[0].all("COPY") for source in dockerfile.copy(copy)[1]]
    assert set(copied) == allowed
    for source in copied:
        assert source == "README.md" or (ROOT / source).exists()


def test_the_image_runs_as_no_root_and_builds_nothing_in_its_final_stage() -> None:
    final = STAGES[-1]
    user, group = final.last("USER").split(":")
    assert int(user) >= 1000
    assert int(group) >= 1000
    for tool in ("apt", "gcc", "pip", "build"):
        assert not [step for step in final.all("RUN") if tool in step]
    assert [dockerfile.copy(copy)[0] for copy in final.all("COPY")] == ["build"]
    assert all(stage.base.endswith("-slim") for stage in STAGES)
    # The steps that come after USER are run by it, so what it could change is not made there.
    words = [word for word, _ in final.steps]
    assert "RUN" not in words[words.index("USER") :]
    assert "COPY" not in words[words.index("USER") :]


def test_a_dockerfile_is_read_as_an_engine_reads_it() -> None:
    text = (
        '# a\nFROM x AS one\nRUN a \\\n # b\n && c\n\nFROM y\nENV A=1\nENV B="2 3"\nENTRYPOINT ["z", "q"]\n'
    )
    one, two = dockerfile.stages(text)
    assert (one.name, one.all("RUN")) == ("one", ["a && c"])
    assert two.env() == {"A": "1", "B": "2 3"}
    assert dockerfile.words(two.last("ENTRYPOINT")) == ["z", "q"]
    assert dockerfile.copy("--from=one /a /b") == ("one", ["/a"], "/b")


def test_the_healthcheck_imports_the_standard_library_only() -> None:
    assert dockerfile.words(STAGES[-1].last("HEALTHCHECK")) == ["python", "-m", "advisor.healthcheck"]
    code = (
        "import advisor.healthcheck, sys; "
        "loaded = [name for name, module in sys.modules.items() if module is not None]; "
        "found = {name.partition('.')[0] for name in loaded} - set(sys.stdlib_module_names); "
        "print(sorted(name for name in found if name[0] != '_'))"
    )
    command = [sys.executable, "-S", "-c", code]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30)
    assert answer.stdout.strip() == "['advisor']"


@pytest.mark.parametrize(("status", "wrong"), [(200, ""), (503, "/healthz answers 503")])
def test_the_healthcheck_asks_healthz(status: int, wrong: str) -> None:
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        said = alive(f"127.0.0.1:{server.server_port}")
        thread.join()
    assert said.endswith(wrong)
    assert bool(said) == bool(wrong)


def test_the_healthcheck_says_that_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "advisor.healthcheck", address]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)
    assert result.returncode == 1
    assert "refused" in result.stderr
    assert "Traceback" not in result.stderr


def test_compose_keeps_the_container_locked_down() -> None:
    compose = strict_yaml.load_file(ROOT / "deploy" / "compose.yaml").data
    service = compose["services"]["advisor"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"] == ["/tmp"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    volume = STAGES[-1].last("VOLUME")
    assert f"data:{volume}" in service["volumes"]
    assert any(mount.endswith(f"{STAGES[-1].env()['ADVISOR_CONFIG']}:ro") for mount in service["volumes"])
    assert "data" in compose["volumes"]
    assert set(service["secrets"]) <= set(compose["secrets"])


def test_no_credential_file_can_be_committed() -> None:
    for name in ("advisor.env", "dsn.secret"):
        command = ["git", "check-ignore", "--quiet", f"deploy/{name}"]
        if (ROOT / ".git").exists():
            assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "scaling-advisor.service"
    text = (ROOT / "deploy" / "scaling-advisor.service").read_text("utf-8")
    # It looks for the program, which need not be installed here.
    unit.write_text(text.replace("/opt/advisor/bin/advisor", "/bin/true"))
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    about_it = [line for line in result.stderr.splitlines() if "scaling-advisor" in line]
    assert about_it == []
