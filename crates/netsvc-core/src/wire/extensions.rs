//! Extension fields: (id, length, bytes) between a frame's header and its body.
//!
//! Version 1 defines none. Fields with even ids are relayed unread, those with odd ids must be
//! understood by the receiver, so that a later version can add either sort.

use super::error::WireError;

/// Checks that the fields are well formed and that none has to be understood.
pub(crate) fn check(mut fields: &[u8]) -> Result<(), WireError> {
    while let [i0, i1, l0, l1, rest @ ..] = fields {
        let id = u16::from_le_bytes([*i0, *i1]);
        let len = usize::from(u16::from_le_bytes([*l0, *l1]));
        fields = rest.get(len..).ok_or(WireError::Extensions)?;
        if id % 2 == 1 {
            return Err(WireError::Extension { id });
        }
    }
    if fields.is_empty() { Ok(()) } else { Err(WireError::Extensions) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_fields_pass_and_odd_ones_do_not() {
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[2, 0, 3, 0, 7, 7, 7, 0xFE, 0xFF, 0, 0]), Ok(()));
        assert_eq!(check(&[2, 0, 0, 0, 3, 1, 0, 0]), Err(WireError::Extension { id: 0x103 }));
    }

    #[test]
    fn lengths_must_add_up() {
        assert_eq!(check(&[2, 0, 2, 0, 7]), Err(WireError::Extensions));
        assert_eq!(check(&[2, 0, 1, 0, 7, 4]), Err(WireError::Extensions));
    }
}
