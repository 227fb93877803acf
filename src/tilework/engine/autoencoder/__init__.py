"""What the task `autoencoder` is made of: model, start of the codes, validation, snapshots and what can be watched."""
