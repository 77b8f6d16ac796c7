"""Everything on one machine, for a first look, a drill or a test: a real Temporal server, the vendor sandbox, the
receiver and a worker, each in its own process."""
