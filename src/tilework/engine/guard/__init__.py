"""What keeps a run out of harm.

statistics   batch statistics that a refused step has touched are put back
history      what the newest steps measured, read from the device every few steps
limit        how large the gradient of a single step may be
spike        whether the loss has risen, judged under the weights of now
copies       the training state, held in memory while the run is healthy
slowdown     the learning rate after a rollback
guard        judges, keeps the copies, rolls back
rescue       what the loop does with a judgement: events, rollback, the end
"""
