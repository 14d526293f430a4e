"""Everything fails while orders flow: `python -m chaos` strikes a running installation by a plan, and judges it from outside."""
