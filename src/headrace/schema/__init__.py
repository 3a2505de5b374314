"""One `msgspec.Struct` per concept: the object users hold, the body on the wire and the shape of the row."""
