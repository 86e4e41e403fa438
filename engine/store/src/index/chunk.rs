//! How a value lies in the index: in chunks small enough to stay out of blob files, each with a checksum of its own.
//!
//! ```text
//! key:   name | part 2 (big endian)
//! value: layout 1 | number of the event that wrote it 8 | part 2 | parts 2 | length 4 | crc32c 4 | payload
//! ```
//! The checksum covers the key too, so that a value under another's key is damage and not content.

const LAYOUT: u8 = 1;
const HEADER: usize = 1 + 8 + 2 + 2 + 4 + 4;
/// Longest payload; the value with its header has 4 KiB.
///
/// sled writes a whole page at once and puts pages of more than 128 KiB into blob files, which it does not sync and
/// leaks. A page holds up to 17 values before it is split, so values of 4 KiB stay well below.
const PAYLOAD: usize = (4 << 10) - HEADER;

/// Bytes of a key behind the name.
pub(crate) const PART_BYTES: usize = 2;

/// Keys and values, in the order of the keys.
type Chunks = Vec<(Vec<u8>, Vec<u8>)>;

/// Takes `bytes` apart into keys and values; no bytes are one empty chunk. `None`: it needs more than 65 535 chunks, 250 MiB.
pub(crate) fn split(name: &[u8], seq: u64, bytes: &[u8]) -> Option<Chunks> {
    let parts = u16::try_from(bytes.len().div_ceil(PAYLOAD).max(1)).ok()?;
    let mut payloads = bytes.chunks(PAYLOAD);
    (0..parts)
        .map(|part| {
            let payload = payloads.next().unwrap_or_default();
            let key = [name, &part.to_be_bytes()].concat();
            let mut value = Vec::with_capacity(HEADER + payload.len());
            value.push(LAYOUT);
            value.extend_from_slice(&seq.to_le_bytes());
            value.extend_from_slice(&part.to_le_bytes());
            value.extend_from_slice(&parts.to_le_bytes());
            value.extend_from_slice(&u32::try_from(payload.len()).ok()?.to_le_bytes());
            value.extend_from_slice(&checksum(&key, &value, payload).to_le_bytes());
            value.extend_from_slice(payload);
            Some((key, value))
        })
        .collect()
}

fn checksum(key: &[u8], header: &[u8], payload: &[u8]) -> u32 {
    [header, payload]
        .iter()
        .fold(crc32c::crc32c(key), |crc, bytes| {
            crc32c::crc32c_append(crc, bytes)
        })
}

/// Puts one value together again from its chunks in the order of their keys.
#[derive(Debug, Default)]
pub(crate) struct Joined {
    bytes: Vec<u8>,
    next: u16,
    parts: Option<u16>,
    bad: bool,
}

impl Joined {
    pub(crate) fn push(&mut self, key: &[u8], value: &[u8]) {
        let taken = read(key, value).filter(|chunk| {
            chunk.part == self.next
                && chunk.part < chunk.parts
                && self.parts.is_none_or(|parts| parts == chunk.parts)
        });
        match taken {
            Some(chunk) if !self.bad => {
                self.bytes.extend_from_slice(chunk.payload);
                self.parts = Some(chunk.parts);
                self.next += 1;
            }
            _ => self.bad = true,
        }
    }

    /// The value; `None` where a chunk is damaged or missing.
    pub(crate) fn finish(self) -> Option<Vec<u8>> {
        (!self.bad && self.parts == Some(self.next)).then_some(self.bytes)
    }
}

struct Chunk<'a> {
    part: u16,
    parts: u16,
    payload: &'a [u8],
}

fn read<'a>(key: &[u8], value: &'a [u8]) -> Option<Chunk<'a>> {
    let (header, rest) = value.split_at_checked(HEADER - size_of::<u32>())?;
    let (crc, payload) = rest.split_first_chunk::<4>()?;
    if checksum(key, header, payload) != u32::from_le_bytes(*crc) {
        return None;
    }
    let (&[layout], header) = header.split_first_chunk::<1>()?;
    let (_, header) = header.split_first_chunk::<8>()?;
    let (part, header) = header.split_first_chunk::<2>()?;
    let (parts, len) = header.split_first_chunk::<2>()?;
    let len = u32::from_le_bytes(*len.first_chunk::<4>()?);
    let (part, parts) = (u16::from_le_bytes(*part), u16::from_le_bytes(*parts));
    (layout == LAYOUT && usize::try_from(len) == Ok(payload.len())).then_some(Chunk {
        part,
        parts,
        payload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn join(chunks: &Chunks) -> Option<Vec<u8>> {
        let mut joined = Joined::default();
        for (key, value) in chunks {
            joined.push(key, value);
        }
        joined.finish()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn a_value_comes_back_whole_and_no_chunk_is_longer_than_4_kib(len in 0_usize..50_000, seed: u8) {
            let bytes: Vec<u8> = (0_u8..251).map(|byte| byte ^ seed).cycle().take(len).collect();
            let chunks = split(b"name", 7, &bytes).unwrap();
            prop_assert!(chunks.iter().all(|(_, value)| value.len() <= 4 << 10));
            prop_assert!(chunks.is_sorted());
            prop_assert_eq!(join(&chunks), Some(bytes));
        }

        #[test]
        fn a_flipped_cut_lost_or_swapped_chunk_is_never_a_value(len in 0_usize..20_000, at: prop::sample::Index, bit in 0_u8..8) {
            let chunks = split(b"name", 7, &vec![5; len]).unwrap();
            let which = at.index(chunks.len());

            let mut flipped = chunks.clone();
            let place = at.index(flipped[which].1.len());
            flipped[which].1[place] ^= 1 << bit;
            prop_assert_eq!(join(&flipped), None);

            let mut cut = chunks.clone();
            cut[which].1.truncate(place);
            prop_assert_eq!(join(&cut), None);

            let mut renamed = chunks.clone();
            renamed[which].0[0] ^= 1;
            prop_assert_eq!(join(&renamed), None);

            let mut lost = chunks;
            lost.remove(which);
            prop_assert_eq!(join(&lost), None);
        }
    }
}
