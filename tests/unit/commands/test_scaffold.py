"""`integration connector new` and `integration mapping new`: what they write fits, and what they refuse is one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands.scaffold import checkout
from connectors.registry import SYSTEMS
from integration.canonical import CANONICAL
from integration.mapping import load_mapping
from tests.unit.commands.conftest import REGISTRIES, ROOT, Call, a_checkout

PAIRS = sorted({(system.name, entity) for system in SYSTEMS.values() for entity in (*system.reads, *system.writes) if entity in CANONICAL})


@pytest.fixture
def source(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with the registries in it, and nothing else."""
    root = a_checkout(folder / "checkout")
    monkeypatch.setattr(checkout, "ROOT", root)
    return root


def everything(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in root.rglob("*") if path.is_file()}


def test_a_new_system_is_a_folder_and_a_line_in_each_registry(source: Path, call: Call) -> None:
    result = call("connector", "new", "corner_shop")
    assert result.exit_code == 0, result.output
    after = everything(source)
    assert {path for path in after if path not in REGISTRIES} == {
        *(f"connectors/corner_shop/{file}" for file in ("__init__.py", "connector.yaml", "contract.yaml", "schemas.py", "simulator.py")),
        "tests/integration/connectors/bench_corner_shop.py",
    }
    for path, text in after.items():
        assert path in result.stdout or path.endswith("__init__.py")
        if path.endswith(".py"):
            compile(text, path, "exec")
    for file in REGISTRIES:
        before = (ROOT / file).read_text(encoding="utf-8").splitlines()
        touched = [line for line in before if line not in after[file].splitlines()]
        assert len(touched) <= 1, f"{file}: {touched}"
        assert "corner_shop" in after[file]
    imports = [line for line in after["connectors/registry.py"].splitlines() if line.startswith("from connectors.")]
    assert imports == sorted(imports)
    assert "integration mapping new corner_shop order" in result.stdout
    assert "Corner Shop is registered" in result.stdout


@pytest.mark.parametrize(("arguments", "said"), [
    (("tims",), "tims exists already: `integration connector show tims`"),
    (("Corner",), "is no name of a system"),
    (("corner-shop",), "is no name of a system"),
    (("../corner",), "is no name of a system"),
    (("class",), "is no name of a system"),
    (("registry",), "connectors/registry.py is there already"),
    (("simulation",), "connectors/simulation is there already"),
    (("corner", "--title", 'x" # {y}'), "must be of letters, digits and spaces"),
])  # fmt: skip
def test_a_name_that_will_not_do_is_one_sentence_and_nothing_is_written(
    source: Path, call: Call, arguments: tuple[str, ...], said: str
) -> None:
    before = everything(source)
    result = call("connector", "new", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert everything(source) == before


def test_a_registry_without_its_place_leaves_all_as_it_was(source: Path, call: Call) -> None:
    (source / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    before = everything(source)
    result = call("connector", "new", "corner")
    assert result.exit_code == 1
    assert "the place for the new line was not found in pyproject.toml; nothing was written" in result.stderr
    assert everything(source) == before


def test_a_file_that_cannot_be_written_leaves_all_as_it_was(source: Path, call: Call) -> None:
    (source / "connectors" / "corner_blocked").write_text("", encoding="utf-8")
    (source / "tests/integration/connectors/bench_corner.py").mkdir()
    before = everything(source)
    result = call("connector", "new", "corner")
    assert result.exit_code == 1
    assert "bench_corner.py cannot be written (Is a directory); nothing was changed." in result.stderr
    assert everything(source) == before


@pytest.mark.parametrize("command", [("connector", "new", "corner"), ("mapping", "new", "tims", "order")])
def test_an_installation_without_source_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: Call, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(checkout, "ROOT", folder)
    result = call(*command)
    assert result.exit_code == 2
    assert "run this in a checkout, after `make install`" in result.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("system", "entity"), PAIRS)
def test_a_draft_is_a_mapping_that_loads_and_names_every_field(source: Path, call: Call, system: str, entity: str) -> None:
    result = call("mapping", "new", system, entity)
    assert result.exit_code == 0, result.output
    path = source / "mappings" / system / f"{entity}.yaml"
    assert f"mappings/{system}/{entity}.yaml: " in result.stdout
    mapping = load_mapping(path, None, SYSTEMS[system].known_paths(entity))
    assert (mapping.system, mapping.entity) == (system, entity)
    text = path.read_text(encoding="utf-8")
    filled = CANONICAL[entity] if entity in SYSTEMS[system].reads else SYSTEMS[system].writes[entity]
    assert [name for name in filled.fields if f"  {name}:" not in text and f"  # {name}:" not in text] == []


@pytest.mark.parametrize(("arguments", "said"), [
    (("timms", "order"), "did you mean `tims`?"),
    (("tims", "ordr"), "did you mean `order`?"),
    (("channeladvisor", "customer"), "connectors/channeladvisor/schemas.py has no schema of the customer"),
])  # fmt: skip
def test_a_mapping_that_cannot_be_is_one_sentence(source: Path, call: Call, arguments: tuple[str, ...], said: str) -> None:
    result = call("mapping", "new", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_mapping_that_is_there_stays(source: Path, call: Call) -> None:
    assert call("mapping", "new", "tims", "stock").exit_code == 0
    path = source / "mappings" / "tims" / "stock.yaml"
    path.write_text("mine", encoding="utf-8")
    result = call("mapping", "new", "tims", "stock")
    assert result.exit_code == 2
    assert "is there already: `integration mapping show tims/stock`" in result.stderr
    assert path.read_text(encoding="utf-8") == "mine"
