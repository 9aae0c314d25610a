"""A video service: submit, watch the progress, play the result. `app` says how to run it."""
