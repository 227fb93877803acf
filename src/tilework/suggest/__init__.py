"""From a folder to a spec: what lies there is looked at, a spec is proposed with its reasons, and nothing is written."""
