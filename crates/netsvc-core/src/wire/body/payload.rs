//! What of a data frame comes before and after its fixed fields.

use crate::content::{ContentRef, ContentType};
use crate::lazy_copy::LazyCopy;

/// The parts of a data frame that vary, where they lie.
#[derive(Clone, Copy, Debug)]
pub(in crate::wire) struct Payload<'a> {
    pub(in crate::wire) extensions: &'a [u8],
    pub(in crate::wire) content: &'a [u8],
    /// The buffer that `content` is a part of.
    pub(in crate::wire) buffer: &'a LazyCopy<'a>,
}

impl<'a> Payload<'a> {
    #[inline]
    pub(in crate::wire) fn content(&self, kind: ContentType) -> ContentRef<'a> {
        ContentRef::within(kind, self.content, self.buffer)
    }
}
