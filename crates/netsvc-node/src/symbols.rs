//! What JavaScript has been told once so that records need not repeat it: strings under slot
//! numbers, and names of services. Both are bounded and forget the oldest.

use std::collections::{HashMap, HashSet, VecDeque};

use netsvc_core::{ProcessId, ServiceNo, Str};

/// Slots of strings.
const SLOTS: usize = 4096;
/// Services whose names are remembered.
const SERVICES: usize = 4096;

/// Strings that JavaScript knows by slot. Slots are reused in a ring; records are read in order,
/// so a definition just before its use is early enough.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    slots: HashMap<Str, u32>,
    texts: Vec<Str>,
    /// The slot to be defined next once all are in use.
    next: usize,
}

/// A slot, and whether it must be defined before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) no: u32,
    pub(crate) new: bool,
}

impl Symbols {
    /// The slot of `text`. Slots in `keep`, those already used by the record being packed, are
    /// not redefined.
    pub(crate) fn intern(&mut self, text: &str, keep: &[u32]) -> Slot {
        if let Some(no) = self.slots.get(text) {
            return Slot { no: *no, new: false };
        }
        let text = Str::from(text);
        let index = if self.texts.len() < SLOTS {
            self.texts.push(text.clone());
            self.texts.len() - 1
        } else {
            while keep.contains(&(self.next as u32)) {
                self.next = (self.next + 1) % SLOTS;
            }
            let index = self.next;
            self.next = (self.next + 1) % SLOTS;
            let old = std::mem::replace(&mut self.texts[index], text.clone());
            self.slots.remove(&old);
            index
        };
        self.slots.insert(text, index as u32);
        Slot { no: index as u32, new: true }
    }
}

/// Services whose identity and name JavaScript knows.
#[derive(Debug, Default)]
pub(crate) struct Told {
    known: HashSet<ServiceNo>,
    order: VecDeque<ServiceNo>,
}

/// What is to be told before a record may name a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tell {
    /// Nothing, it is known.
    Nothing,
    /// The service, after forgetting another if there is one.
    Service { forget: Option<ServiceNo> },
}

impl Told {
    /// Notes that `service` is about to be named.
    pub(crate) fn name(&mut self, service: ServiceNo) -> Tell {
        if !self.known.insert(service) {
            return Tell::Nothing;
        }
        let full = self.order.len() == SERVICES;
        let forget = if full { self.order.pop_front() } else { None };
        if let Some(oldest) = forget {
            self.known.remove(&oldest);
        }
        self.order.push_back(service);
        Tell::Service { forget }
    }
}

/// A process id as 32 hexadecimal digits.
pub(crate) fn hex(process: ProcessId) -> [u8; 32] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 32];
    for (pair, byte) in text.chunks_exact_mut(2).zip(process.0) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_slot() {
        let mut symbols = Symbols::default();
        assert_eq!(symbols.intern("a", &[]), Slot { no: 0, new: true });
        assert_eq!(symbols.intern("b", &[]), Slot { no: 1, new: true });
        assert_eq!(symbols.intern("a", &[]), Slot { no: 0, new: false });
    }

    #[test]
    fn slots_are_reused_in_a_ring_but_not_those_in_use() {
        let mut symbols = Symbols::default();
        for no in 0..SLOTS {
            assert_eq!(symbols.intern(&no.to_string(), &[]), Slot { no: no as u32, new: true });
        }
        assert_eq!(symbols.intern("x", &[0, 1]), Slot { no: 2, new: true });
        assert_eq!(symbols.intern("2", &[]), Slot { no: 3, new: true });
        assert_eq!(symbols.intern("0", &[]), Slot { no: 0, new: false });
        assert_eq!(symbols.slots.len(), SLOTS);
    }

    #[test]
    fn every_slot_stands_for_the_text_defined_last() {
        let mut symbols = Symbols::default();
        let mut defined = HashMap::new();
        for step in 0..20_000usize {
            let text = (step * 7919 % 6000).to_string();
            let slot = symbols.intern(&text, &[]);
            if slot.new {
                defined.insert(slot.no, text.clone());
            }
            assert_eq!(defined[&slot.no], text);
        }
    }

    #[test]
    fn the_service_told_first_is_forgotten_first() {
        let mut told = Told::default();
        for no in 1..=SERVICES {
            assert_eq!(told.name(ServiceNo(no as u32)), Tell::Service { forget: None });
        }
        assert_eq!(told.name(ServiceNo(1)), Tell::Nothing);
        let next = ServiceNo(SERVICES as u32 + 1);
        assert_eq!(told.name(next), Tell::Service { forget: Some(ServiceNo(1)) });
        assert_eq!(told.name(ServiceNo(1)), Tell::Service { forget: Some(ServiceNo(2)) });
    }

    #[test]
    fn hexadecimal_as_a_process_id_is_written() {
        let process = ProcessId([0, 1, 0x0f, 0x10, 0xff, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(std::str::from_utf8(&hex(process)).unwrap(), process.to_string());
    }
}
