"""Floor 4: what makes ``gateway.ports.Store`` true, on one database or another."""
