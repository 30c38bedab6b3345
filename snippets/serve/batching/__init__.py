"""A FastAPI endpoint that stacks waiting requests into batches, by the student's batcher or the kit's."""
