"""Programs of other projects that tests run: each built once from a Go module of its own."""
