//! What a key may do. So far: how a token is hashed, which its Redis key and its analytics records share.

pub mod hash;
