//! Numbers that V8's maps keep in one place: their hash is known, and has no seed.

/// Integers that fill one bucket of a map of 65,536 entries and of each smaller one, in no order.
pub(super) fn colliding_keys() -> impl Iterator<Item = u32> {
    // The bucket is given by the lowest bits. Above the 31st bit no integer is a small one.
    (0..1 << 16).map(|high| key_of_hash(high << 16)).filter(|key| *key < 1 << 31)
}

/// `ComputeUnseededHash` of V8, backwards.
fn key_of_hash(hash: u32) -> u32 {
    let mut hash = hash;
    hash = unshift(hash, 16);
    hash = hash.wrapping_mul(inverse(2057));
    hash = unshift(hash, 4);
    hash = hash.wrapping_mul(inverse(5));
    hash = unshift(hash, 12);
    // `!key + (key << 15)` is `key * 32767 - 1`.
    hash.wrapping_add(1).wrapping_mul(inverse(32_767))
}

/// What `x ^ (x >> by)` was made of.
fn unshift(value: u32, by: u32) -> u32 {
    (0..32 / by).fold(value, |x, _| value ^ (x >> by))
}

/// Of an odd number: their product is 1, modulo 2³².
fn inverse(odd: u32) -> u32 {
    (0..5).fold(odd, |x, _| x.wrapping_mul(2_u32.wrapping_sub(odd.wrapping_mul(x))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As V8 has it.
    fn hash(key: u32) -> u32 {
        let mut hash = (!key).wrapping_add(key << 15);
        hash ^= hash >> 12;
        hash = hash.wrapping_add(hash << 2);
        hash ^= hash >> 4;
        hash = hash.wrapping_mul(2057);
        hash ^ (hash >> 16)
    }

    #[test]
    fn the_hash_is_turned_back() {
        for value in [0, 1, 5 << 16, 0xffff_0000, u32::MAX] {
            assert_eq!(hash(key_of_hash(value)), value);
        }
    }

    #[test]
    fn there_are_tens_of_thousands_of_keys() {
        assert!(colliding_keys().count() > 30_000);
    }
}
