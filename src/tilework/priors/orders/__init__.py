"""In which order a prior that draws many tokens at once draws them: one file per kind."""
