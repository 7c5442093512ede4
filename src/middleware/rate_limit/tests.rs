//! The steps on keys; algorithms are tested in `limit`.
