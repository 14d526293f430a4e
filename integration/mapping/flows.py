"""The rules that a flow's records must pass, by the systems that the flow joins and the entity that it carries."""

from __future__ import annotations

from pathlib import Path

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from integration.errors import Misconfigured
from integration.mapping.document import load_yaml
from integration.rules import RULES
from integration.suggest import did_you_mean

MEMBERS = ("source", "target", "entity", "rules")


def load_flow_rules(path: Path) -> dict[tuple[str, str, str], tuple[str, ...]]:
    """Names of rules by (source system, target system, entity). Raises Misconfigured with file and line."""
    root = load_yaml(path)
    flows = root.get("flows")
    if list(root) != ["flows"] or not isinstance(flows, CommentedSeq):
        raise Misconfigured("the file must hold `flows:` with a list, and nothing else", f"{path}:1")
    found: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for place, flow in enumerate(flows):
        where = f"{path}:{flows.lc.item(place)[0] + 1}"
        if not isinstance(flow, CommentedMap) or set(flow) != set(MEMBERS) or not isinstance(flow["rules"], CommentedSeq):
            raise Misconfigured(f"a flow names {', '.join(MEMBERS)}, and nothing else", where)
        key = (str(flow["source"]), str(flow["target"]), str(flow["entity"]))
        if key in found:
            raise Misconfigured(f"{' '.join(key)} is there twice", where)
        found[key] = tuple(_rule(flow["rules"], index, path) for index in range(len(flow["rules"])))
    return found


def _rule(rules: CommentedSeq, place: int, path: Path) -> str:
    name = str(rules[place])
    if name not in RULES:
        raise Misconfigured(f"there is no rule {name}; {did_you_mean(name, RULES)}", f"{path}:{rules.lc.item(place)[0] + 1}")
    return name
