"""What the task `prior` is made of: tokens of a parent run, their items, what they are measured against, what is shown."""
