"""Floor 1: what follows an attempt. Pure; time and chance come in as arguments."""
