"""What the simulated systems share: contract checks, limits, tokens, paging, webhooks, fault switches and the control plane."""
