"""What a ladder repeats at one resolution: one file per kind of block."""
