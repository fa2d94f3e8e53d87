"""Decoding of answers: C++ readers that know nothing of libcurl or Python, and what Cython cimports of them."""
