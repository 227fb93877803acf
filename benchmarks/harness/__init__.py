"""How every benchmark here measures: each side in a process of its own, in alternating pairs, on the same cores."""
