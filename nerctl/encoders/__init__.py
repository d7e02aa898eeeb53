"""Encoders on disk: a folder in Google's form or in Hugging Face's, and the files that hold tensors, one module a format."""
