"""The shared REST runtime: any system that its connector file can describe."""

from __future__ import annotations

from connectors.rest.connection import RestConnection

__all__ = ["RestConnection"]
