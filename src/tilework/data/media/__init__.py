"""One file to pixels: what it is, how it is decoded, to which size and colours it is brought."""
