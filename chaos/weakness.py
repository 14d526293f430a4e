"""What driver and struck processes have to agree on."""

from __future__ import annotations

POISON = "POISON-001"
"""The SKU of orders that kill whoever looks at them."""

CLOCK = "CHAOS_CLOCK"
"""The variable that names a file which says by how many seconds the clock is ahead."""
