"""Which images train, which are held out, and what the one side gives away of the other."""
