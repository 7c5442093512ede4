//! Messages on the wire. A call's message is shared, not moved, so that another server can be tried with it.

use std::{marker::PhantomData, sync::Arc};

use prost::Message;
use tonic::{
    Status,
    codec::{BufferSettings, Codec, EncodeBuf, Encoder},
};
use tonic_prost::ProstDecoder;

/// First size of the buffer that a message is written to. It grows; most calls carry a head and no body.
const BUFFER: usize = 2 << 10;
/// tonic's own: bytes after which a stream of messages pauses. A call has one message.
const PAUSE: usize = 32 << 10;

/// Writes `Q`, reads `A`.
pub(super) struct Wire<Q, A>(PhantomData<(Q, A)>);

impl<Q, A> Wire<Q, A> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<Q, A> Codec for Wire<Q, A>
where
    Q: Message + 'static,
    A: Message + Default + 'static,
{
    type Encode = Arc<Q>;
    type Decode = A;
    type Encoder = SharedEncoder<Q>;
    type Decoder = ProstDecoder<A>;

    fn encoder(&mut self) -> Self::Encoder {
        SharedEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::new(BufferSettings::default())
    }
}

/// Writes a message that others hold, too.
pub(super) struct SharedEncoder<Q>(PhantomData<Q>);

impl<Q: Message> Encoder for SharedEncoder<Q> {
    type Item = Arc<Q>;
    type Error = Status;

    fn encode(&mut self, item: Arc<Q>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(buffer).map_err(|error| Status::internal(error.to_string()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER, PAUSE)
    }
}
