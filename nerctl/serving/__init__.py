"""The HTTP server: one front process that queues and batches texts, and worker processes that tag them."""
