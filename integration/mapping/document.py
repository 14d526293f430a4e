"""A mapping file as a tree in which every node knows its file and line, and the merge of a customer's override into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from integration import yaml_file
from integration.errors import Misconfigured
from integration.suggest import did_you_mean

SIDES = ("read", "write")


@dataclass(frozen=True, slots=True)
class Field:
    """One line: the expression that fills a member; empty in an override that leaves the member out."""

    text: str
    where: str


@dataclass(frozen=True, slots=True)
class Block:
    """An object, or with `each` a list of objects. `when` is the condition under which it is there."""

    where: str
    each: Field | None = None
    when: Field | None = None
    members: Mapping[str, Field | Block] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Word:
    """The system's words for one canonical word: the first is written, all are read."""

    theirs: tuple[str, ...]
    where: str


WordList = Mapping[str, Word]


@dataclass(frozen=True, slots=True)
class Document:
    system: str
    entity: str
    sides: Mapping[str, Block]
    words: Mapping[str, WordList]
    where: str


def parse(path: Path) -> Document:
    """The tree of a mapping file. Raises Misconfigured with file and line for what is not of its shape."""
    root = load_yaml(path)
    reader = _Reader(str(path))
    reader.only(root, ("system", "entity", *SIDES, "words"))
    return Document(
        system=reader.text_of(root, "system"),
        entity=reader.text_of(root, "entity"),
        sides={side: reader.block(root[side], reader.line(root, side)) for side in SIDES if side in root},
        words={name: reader.word_list(words, name) for name, words in reader.mapping(root, "words").items()},
        where=f"{path}:1",
    )


def load_yaml(path: Path) -> CommentedMap:
    """The YAML of a file, with line numbers, comments and order. Raises Misconfigured."""
    root = yaml_file.read(path, YAML(typ="rt").load)
    if not isinstance(root, CommentedMap):
        raise Misconfigured("the file must hold names with values", f"{path}:1")
    return root


def merge(base: Document, override: Document) -> Document:
    """`base` with what `override` says, field by field and word by word."""
    for name in ("system", "entity"):
        if getattr(base, name) != getattr(override, name):
            raise Misconfigured(f"{name} must be {getattr(base, name)}, as in the file that this one overrides", override.where)
    sides = dict(base.sides)
    for side, block in override.sides.items():
        sides[side] = _merged(sides[side], block) if side in sides else block
    words = dict(base.words)
    for name, word_list in override.words.items():
        words[name] = {**words.get(name, {}), **word_list}
    return replace(base, sides=sides, words=words)


def _merged(base: Block, override: Block) -> Block:
    members = dict(base.members)
    for name, node in override.members.items():
        before = members.get(name)
        if isinstance(node, Field) and not node.text:
            members.pop(name, None)
        else:
            members[name] = _merged(before, node) if isinstance(before, Block) and isinstance(node, Block) else node
    return Block(override.where, override.each or base.each, override.when or base.when, members)


@dataclass(frozen=True, slots=True)
class _Reader:
    file: str

    def line(self, node: CommentedMap, key: Any) -> str:
        return f"{self.file}:{node.lc.key(key)[0] + 1}"

    def only(self, node: CommentedMap, names: tuple[str, ...]) -> None:
        for key in node:
            if key not in names:
                raise Misconfigured(f"{key!r} is unknown here; {did_you_mean(str(key), names)}", self.line(node, key))

    def text_of(self, root: CommentedMap, name: str) -> str:
        value = root.get(name)
        if not isinstance(value, str) or not value:
            where = self.line(root, name) if name in root else f"{self.file}:1"
            raise Misconfigured(f"say which {name} the file maps, as in `{name}: …`", where)
        return value

    def mapping(self, root: CommentedMap, name: str) -> CommentedMap:
        value = root.get(name)
        if value is None:
            return CommentedMap()
        if not isinstance(value, CommentedMap):
            raise Misconfigured(f"{name} must hold names with values", self.line(root, name))
        for key, inner in value.items():
            if not isinstance(inner, CommentedMap):
                raise Misconfigured(f"{name}.{key} must hold words with words", self.line(value, key))
        return value

    def block(self, node: Any, where: str) -> Block:
        if not isinstance(node, CommentedMap):
            raise Misconfigured("this must hold a line for each field", where)
        each = when = None
        members: dict[str, Field | Block] = {}
        for key, value in node.items():
            line = self.line(node, key)
            if not isinstance(key, str):
                raise Misconfigured(f"the name of a field must be text; put {key} in quotes", line)
            if key == "each":
                each = self.expression(value, line)
            elif key == "when":
                when = self.expression(value, line)
            else:
                members[key] = self.block(value, line) if isinstance(value, CommentedMap) else self.expression(value, line)
        return Block(where, each, when, members)

    def expression(self, value: Any, where: str) -> Field:
        if value is None:
            return Field("", where)
        if not isinstance(value, str):
            raise Misconfigured(f"this must be a path or, for a constant, `= {value}`", where)
        return Field(value, where)

    def word_list(self, node: CommentedMap, name: str) -> WordList:
        words: dict[str, Word] = {}
        for ours, theirs in node.items():
            where = self.line(node, ours)
            several = list(theirs) if isinstance(theirs, list) else [theirs]
            if not isinstance(ours, str) or not several or not all(isinstance(word, str) for word in several):
                raise Misconfigured(f"both sides of the word list {name} must be text; put numbers in quotes", where)
            words[ours] = Word(tuple(str(word) for word in several), where)
        return words
