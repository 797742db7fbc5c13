"""One screen a file: what stands together, and which keys do what there."""
