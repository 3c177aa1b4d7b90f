//! A `ServiceInfo` as packed bytes.
//!
//! no u32, counter u32, flags u8 (1: local), process as 32 hexadecimal digits, then strings after
//! their u16 length: name, audience, label, exchange group (empty for none); then two lists, each
//! a u16 count and that many strings: groups, methods. Little-endian, unaligned.

use netsvc_core::ServiceInfo;

use crate::chunk::Chunk;
use crate::symbols::hex;

const LOCAL: u8 = 1;

/// Appends one service.
pub(crate) fn pack(info: &ServiceInfo, out: &mut Chunk<'_>) {
    out.put_u32(info.no.0);
    out.put_u32(info.id.counter);
    out.put(&[if info.local { LOCAL } else { 0 }]);
    out.put(&hex(info.id.process));
    out.put_text(&info.name);
    out.put_text(&info.audience);
    out.put_text(&info.label);
    out.put_text(info.exchange_group.as_deref().unwrap_or_default());
    put_list(&info.groups, out);
    put_list(&info.methods, out);
}

/// A u32 count and that many services: the result of a lookup.
pub(crate) fn pack_list(infos: &[ServiceInfo]) -> Vec<u8> {
    let mut memory = vec![0; 4 + infos.iter().map(size).sum::<usize>()];
    let mut out = Chunk::new(&mut memory, 0);
    out.put_u32(infos.len() as u32);
    for info in infos {
        pack(info, &mut out);
    }
    let length = out.at();
    memory.truncate(length);
    memory
}

/// Bytes that [`pack`] appends, at most.
pub(crate) fn size(info: &ServiceInfo) -> usize {
    let texts = [&info.name, &info.audience, &info.label];
    let texts = texts.into_iter().chain(&info.exchange_group);
    let texts = texts.chain(&info.groups).chain(info.methods.iter());
    64 + texts.map(|text| text.len() + 2).sum::<usize>()
}

fn put_list(texts: &[netsvc_core::Str], out: &mut Chunk<'_>) {
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

    pub(crate) fn packed(info: &ServiceInfo) -> Vec<u8> {
        let mut memory = [0; 1024];
        let mut out = Chunk::new(&mut memory, 0);
        pack(info, &mut out);
        out.bytes().to_vec()
    }

    #[test]
    fn packs_every_field() {
        let mut expected = vec![9, 0, 0, 0, 2, 0, 0, 0, 1];
        expected.extend("ab".repeat(16).bytes());
        for text in ["thermometer", "*", "host:1", ""] {
            expected.extend([text.len() as u8, 0]);
            expected.extend(text.bytes());
        }
        expected.extend(b"\x02\0\x07\0sensors\x05\0attic\x01\0\x04\0read");
        assert_eq!(packed(&thermometer()), expected);
        assert!(size(&thermometer()) >= expected.len());
    }

    #[test]
    fn a_list_starts_with_its_count() {
        let one = &packed(&thermometer())[..];
        let list = pack_list(&[thermometer(), thermometer()]);
        assert_eq!(list, [&[2, 0, 0, 0], one, one].concat());
        assert_eq!(pack_list(&[]), [0; 4]);
    }
}
