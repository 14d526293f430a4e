"""The mapping language: YAML files that say, a line per field, how a system meets the canonical form."""

from __future__ import annotations

from integration.mapping.compiled import CompiledMapping, MappedField, load_files, load_mapping
from integration.mapping.flows import load_flow_rules

__all__ = ["CompiledMapping", "MappedField", "load_files", "load_flow_rules", "load_mapping"]
