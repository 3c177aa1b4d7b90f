//! A `ServiceInfo` as packed bytes, in two parts.
//!
//! What is its own: no u32, counter u32, name. What it often has in common with the other services
//! of its process: flags u8 (1: local), process as 32 hexadecimal digits, audience, label, exchange
//! group (empty for none); then two lists, each a u16 count and that many strings: groups, methods.
//! Strings come after their u16 length. Little-endian, unaligned.

use netsvc_core::ServiceInfo;

use crate::deliveries::buffer::Buffer;
use crate::deliveries::strings::hex;
use crate::numbers::service_flag;

/// Appends what is a service's own.
pub(crate) fn pack_own(info: &ServiceInfo, out: &mut Buffer<'_>) {
    out.put_u32(info.no.0);
    out.put_u32(info.id.counter);
    out.put_text(&info.name);
}

/// Appends what it may have in common with others.
pub(crate) fn pack_common(info: &ServiceInfo, out: &mut Buffer<'_>) {
    out.put(&[if info.local { service_flag::LOCAL } else { 0 }]);
    out.put(&hex(info.id.process));
    out.put_text(&info.audience);
    out.put_text(&info.label);
    out.put_text(info.exchange_group.as_deref().unwrap_or_default());
    put_list(&info.groups, out);
    put_list(&info.methods, out);
}

/// A u32 count and that many services: the result of a lookup.
pub(crate) fn pack_list(infos: &[ServiceInfo]) -> Vec<u8> {
    let mut memory = vec![0; 4 + infos.iter().map(size).sum::<usize>()];
    let mut out = Buffer::new(&mut memory, 0);
    out.put_u32(infos.len() as u32);
    for info in infos {
        pack_own(info, &mut out);
        pack_common(info, &mut out);
    }
    let length = out.at();
    memory.truncate(length);
    memory
}

/// Bytes of both parts, at most.
pub(crate) fn size(info: &ServiceInfo) -> usize {
    let texts = [&info.name, &info.audience, &info.label];
    let texts = texts.into_iter().chain(&info.exchange_group);
    let texts = texts.chain(&info.groups).chain(info.methods.iter());
    64 + texts.map(|text| text.len() + 2).sum::<usize>()
}

fn put_list(texts: &[netsvc_core::Str], out: &mut Buffer<'_>) {
    out.put_u16(texts.len() as u16);
    for text in texts {
        out.put_text(text);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use netsvc_core::{ProcessId, ServiceId, ServiceNo};

    pub(crate) fn thermometer() -> ServiceInfo {
        ServiceInfo {
            no: ServiceNo(9),
            id: ServiceId { process: ProcessId([0xab; 16]), counter: 2 },
            name: "thermometer".into(),
            audience: "*".into(),
            groups: vec!["sensors".into(), "attic".into()],
            methods: ["read".into()].into(),
            label: "host:1".into(),
            local: true,
            exchange_group: None,
        }
    }

    /// Both parts.
    pub(crate) fn packed(info: &ServiceInfo) -> (Vec<u8>, Vec<u8>) {
        let mut memory = [0; 1024];
        let mut out = Buffer::new(&mut memory, 0);
        pack_own(info, &mut out);
        let own = out.bytes().to_vec();
        pack_common(info, &mut out);
        let common = out.bytes()[own.len()..].to_vec();
        (own, common)
    }

    #[test]
    fn packs_every_field() {
        let (own, common) = packed(&thermometer());
        assert_eq!(own, b"\x09\0\0\0\x02\0\0\0\x0b\0thermometer");
        let mut expected = vec![1];
        expected.extend("ab".repeat(16).bytes());
        expected.extend(b"\x01\0*\x06\0host:1\0\0");
        expected.extend(b"\x02\0\x07\0sensors\x05\0attic\x01\0\x04\0read");
        assert_eq!(common, expected);
        assert!(size(&thermometer()) >= own.len() + common.len());
    }

    #[test]
    fn a_list_starts_with_its_count() {
        let (own, common) = packed(&thermometer());
        let list = pack_list(&[thermometer(), thermometer()]);
        assert_eq!(list, [&[2, 0, 0, 0], &own[..], &common, &own, &common].concat());
        assert_eq!(pack_list(&[]), [0; 4]);
    }
}
