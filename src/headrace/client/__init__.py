"""How a runtime reaches orchestration: in-process on an embedded store, or over HTTP."""
