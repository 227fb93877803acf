"""The messages between trainer, server and page: one typed model for each frame, message, request and response.

Nothing is checked when a message is made: a model is a plain dictionary whose fields mypy knows. The page's types, the tables of
docs/studio.md and the tests read the same models.
"""
