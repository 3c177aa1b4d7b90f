//! What JavaScript has been told once so that deliveries need not repeat it: strings under slot
//! numbers, and names of services. Both are bounded and forget the oldest.

use std::collections::{HashMap, VecDeque};

use netsvc_core::{ProcessId, ServiceId, ServiceNo, Str};
use rustc_hash::FxHashMap;

/// Slots of strings.
const SLOTS: usize = 4096;
/// Services whose names are remembered.
const SERVICES: usize = 4096;
/// Strings whose slots are found by their address.
const RECENT: usize = 1024;
/// Processes whose slots are found by their id.
const RECENT_PROCESSES: usize = 64;

/// Strings that JavaScript knows by slot. Slots are reused in a ring; deliveries are read in order,
/// so a definition just before its use is early enough.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    slots: HashMap<Str, u32>,
    texts: Vec<Text>,
    /// The slot to be defined next once all are in use.
    next: usize,
    /// Definitions so far.
    definitions: u64,
    /// By address, which spares hashing: the core hands out the same string again and again. Each
    /// holds its string, so no other can come to have its address.
    recent: Vec<Option<(Str, Found)>>,
    /// By one byte of the id, which is random.
    processes: Vec<Option<(ProcessId, Found)>>,
}

#[derive(Debug)]
struct Text {
    text: Str,
    definition: u64,
}

/// Where a string was found; still right if the slot's definition is the same.
#[derive(Clone, Copy, Debug)]
struct Found {
    slot: u32,
    definition: u64,
}

/// A slot, and whether it must be defined before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) no: u32,
    pub(crate) new: bool,
}

impl Strings {
    /// The slot of `text`. Slots in `keep`, those already used by the delivery being packed, are
    /// not redefined.
    pub(crate) fn intern(&mut self, text: &Str, keep: &[u32]) -> Slot {
        let place = place(text);
        if let Some(Some((seen, found))) = self.recent.get(place)
            && Str::ptr_eq(seen, text)
            && self.is_current(*found)
        {
            return Slot { no: found.slot, new: false };
        }
        let (slot, found) = self.look_up(text, keep);
        self.recent.resize(RECENT, None);
        self.recent[place] = Some((text.clone(), found));
        slot
    }

    /// The slot of a process's id in hexadecimal digits; see [`intern`](Self::intern).
    pub(crate) fn process(&mut self, process: ProcessId, keep: &[u32]) -> Slot {
        let place = usize::from(process.0[0]) % RECENT_PROCESSES;
        if let Some(Some((seen, found))) = self.processes.get(place)
            && *seen == process
            && self.is_current(*found)
        {
            return Slot { no: found.slot, new: false };
        }
        // The digits are ASCII, so this never takes the default.
        let (slot, found) =
            self.look_up(std::str::from_utf8(&hex(process)).unwrap_or_default(), keep);
        self.processes.resize(RECENT_PROCESSES, None);
        self.processes[place] = Some((process, found));
        slot
    }

    fn is_current(&self, found: Found) -> bool {
        let text = self.texts.get(found.slot as usize);
        text.is_some_and(|text| text.definition == found.definition)
    }

    fn look_up(&mut self, text: &str, keep: &[u32]) -> (Slot, Found) {
        let known = self.slots.get(text).copied();
        let slot = known.unwrap_or_else(|| self.define(text.into(), keep));
        let definition = self.texts.get(slot as usize).map_or(0, |text| text.definition);
        (Slot { no: slot, new: known.is_none() }, Found { slot, definition })
    }

    fn define(&mut self, text: Str, keep: &[u32]) -> u32 {
        self.definitions += 1;
        let defined = Text { text: text.clone(), definition: self.definitions };
        let index = if self.texts.len() < SLOTS {
            self.texts.push(defined);
            self.texts.len() - 1
        } else {
            while keep.contains(&(self.next as u32)) {
                self.next = (self.next + 1) % SLOTS;
            }
            let index = self.next;
            self.next = (self.next + 1) % SLOTS;
            let old = std::mem::replace(&mut self.texts[index], defined);
            self.slots.remove(&old.text);
            index
        };
        self.slots.insert(text, index as u32);
        index as u32
    }
}

/// Where a string is looked for by its address: multiplied, because allocations lie at regular
/// distances.
fn place(text: &Str) -> usize {
    let address = text.as_ptr().addr() as u64;
    (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize % RECENT
}

/// Services whose identity and name JavaScript knows.
#[derive(Debug, Default)]
pub(crate) struct KnownServices {
    known: FxHashMap<ServiceNo, ServiceId>,
    order: VecDeque<ServiceNo>,
}

/// What is to be told before a delivery may name a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tell {
    /// Nothing, it is known.
    Nothing,
    /// The service, after forgetting another if there is one.
    Service { forget: Option<ServiceNo> },
}

impl KnownServices {
    /// Notes that `service` is about to be named. The number of one that is gone may mean another
    /// one day.
    pub(crate) fn name(&mut self, service: ServiceNo, id: ServiceId) -> Tell {
        if self.known.get(&service) == Some(&id) {
            return Tell::Nothing;
        }
        if self.known.insert(service, id).is_some() {
            return Tell::Service { forget: None };
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

    fn intern(strings: &mut Strings, text: &str, keep: &[u32]) -> Slot {
        strings.intern(&text.into(), keep)
    }

    #[test]
    fn a_text_keeps_its_slot() {
        let mut strings = Strings::default();
        let text: Str = "a".into();
        assert_eq!(strings.intern(&text, &[]), Slot { no: 0, new: true });
        assert_eq!(intern(&mut strings, "b", &[]), Slot { no: 1, new: true });
        for _ in 0..2 {
            assert_eq!(strings.intern(&text, &[]), Slot { no: 0, new: false });
            assert_eq!(intern(&mut strings, "a", &[]), Slot { no: 0, new: false });
        }
    }

    #[test]
    fn slots_are_reused_in_a_ring_but_not_those_in_use() {
        let mut strings = Strings::default();
        for no in 0..SLOTS {
            let slot = intern(&mut strings, &no.to_string(), &[]);
            assert_eq!(slot, Slot { no: no as u32, new: true });
        }
        assert_eq!(intern(&mut strings, "x", &[0, 1]), Slot { no: 2, new: true });
        assert_eq!(intern(&mut strings, "2", &[]), Slot { no: 3, new: true });
        assert_eq!(intern(&mut strings, "0", &[]), Slot { no: 0, new: false });
        assert_eq!(strings.slots.len(), SLOTS);
    }

    #[test]
    fn what_was_found_by_address_or_id_is_told_again_when_its_slot_was_reused() {
        let mut strings = Strings::default();
        let (text, process) = (Str::from("a"), ProcessId([0xab; 16]));
        assert_eq!(strings.intern(&text, &[]), Slot { no: 0, new: true });
        assert_eq!(strings.process(process, &[]), Slot { no: 1, new: true });
        assert_eq!(strings.process(process, &[]), Slot { no: 1, new: false });
        for no in 2..SLOTS + 2 {
            intern(&mut strings, &no.to_string(), &[]);
        }
        assert_eq!(strings.intern(&text, &[]), Slot { no: 2, new: true });
        assert_eq!(strings.process(process, &[]), Slot { no: 3, new: true });
        assert_eq!(strings.intern(&text, &[]), Slot { no: 2, new: false });
        assert_eq!(strings.process(process, &[]), Slot { no: 3, new: false });
        // As text it is the same string.
        assert_eq!(intern(&mut strings, &process.to_string(), &[]).no, 3);
    }

    #[test]
    fn every_slot_stands_for_the_text_defined_last() {
        let mut strings = Strings::default();
        let mut defined = HashMap::new();
        let texts: Vec<Str> = (0..6000).map(|no| no.to_string().into()).collect();
        for step in 0..40_000usize {
            let text = &texts[step * 7919 % 6000];
            // Now the same allocation, now another.
            let slot =
                strings.intern(&if step % 3 == 0 { (&**text).into() } else { text.clone() }, &[]);
            if slot.new {
                defined.insert(slot.no, text.clone());
            }
            assert_eq!(&defined[&slot.no], text);
            // Some come back soon.
            let again = strings.intern(text, &[]);
            assert_eq!((again.no, again.new), (slot.no, false));
        }
    }

    #[test]
    fn the_service_told_first_is_forgotten_first() {
        let mut services = KnownServices::default();
        let mut name = |no| services.name(ServiceNo(no), id(no));
        for no in 1..=SERVICES as u32 {
            assert_eq!(name(no), Tell::Service { forget: None });
        }
        assert_eq!(name(1), Tell::Nothing);
        let next = SERVICES as u32 + 1;
        assert_eq!(name(next), Tell::Service { forget: Some(ServiceNo(1)) });
        assert_eq!(name(1), Tell::Service { forget: Some(ServiceNo(2)) });
    }

    #[test]
    fn a_number_that_means_another_service_is_told_anew() {
        let mut services = KnownServices::default();
        for told in [1, 2] {
            let service = Tell::Service { forget: None };
            assert_eq!(services.name(ServiceNo(7), id(told)), service);
            assert_eq!(services.name(ServiceNo(7), id(told)), Tell::Nothing);
        }
    }

    fn id(counter: u32) -> ServiceId {
        ServiceId { process: ProcessId([1; 16]), counter }
    }

    #[test]
    fn hexadecimal_as_a_process_id_is_written() {
        let process = ProcessId([0, 1, 0x0f, 0x10, 0xff, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(std::str::from_utf8(&hex(process)).unwrap(), process.to_string());
    }
}
