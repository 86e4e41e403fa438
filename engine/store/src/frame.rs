//! One frame of the journal: how it lies in the file, how it is read back, and how a damaged one is stepped over.
//!
//! ```text
//! magic 4 | layout 1 | kind 1 | number 8 | head length 4 | body length 4 | previous hash 32 | head | body | crc32c 4
//! ```
//! Numbers are little endian. The checksum covers all before it; the frame's hash, which the next frame names as its
//! previous one, covers the same.

use crate::digest::Digest;

/// The layout written here.
pub(crate) const LAYOUT: u8 = 1;

const MAGIC: [u8; 4] = *b"mxJ\x01";

/// A frame, borrowed from the bytes it was found in. Its checksum was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) layout: u8,
    pub(crate) kind: u8,
    /// Its number in the journal, from 1.
    pub(crate) seq: u64,
    /// Hash of the frame before it.
    pub(crate) prev: Digest,
    pub(crate) hash: Digest,
    pub(crate) head: &'a [u8],
    pub(crate) body: &'a [u8],
}

/// A stretch of a journal file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A good frame, where it begins and how long it is.
    Frame {
        at: usize,
        len: usize,
        frame: Frame<'a>,
    },
    /// Bytes that are no frame; at the end of the file also a frame not written to its end.
    Damage { at: usize, len: usize },
}

/// Bytes of a frame, and its hash.
///
/// # Errors
/// `None`: head or body are longer than 4 GiB.
pub(crate) fn encode(
    kind: u8,
    seq: u64,
    prev: &Digest,
    head: &[u8],
    body: &[u8],
) -> Option<(Vec<u8>, Digest)> {
    let mut bytes = Vec::with_capacity(head.len() + body.len() + 64);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&[LAYOUT, kind]);
    bytes.extend_from_slice(&seq.to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(head.len()).ok()?.to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(body.len()).ok()?.to_le_bytes());
    bytes.extend_from_slice(prev.as_bytes());
    bytes.extend_from_slice(head);
    bytes.extend_from_slice(body);
    let hash = Digest::of(&bytes);
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    Some((bytes, hash))
}

/// The frame at the beginning of `bytes` and its length, if there is a whole and good one.
fn parse(bytes: &[u8]) -> Option<(Frame<'_>, usize)> {
    let rest = bytes.strip_prefix(&MAGIC)?;
    let (&[layout, kind], rest) = rest.split_first_chunk::<2>()?;
    let (seq, rest) = rest.split_first_chunk::<8>()?;
    let (head_len, rest) = rest.split_first_chunk::<4>()?;
    let (body_len, rest) = rest.split_first_chunk::<4>()?;
    let (prev, rest) = rest.split_first_chunk::<{ Digest::LEN }>()?;
    let (head, rest) =
        rest.split_at_checked(usize::try_from(u32::from_le_bytes(*head_len)).ok()?)?;
    let (body, rest) =
        rest.split_at_checked(usize::try_from(u32::from_le_bytes(*body_len)).ok()?)?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let len = bytes.len() - rest.len();
    let covered = bytes.get(..len - crc.len())?;
    if crc32c::crc32c(covered) != u32::from_le_bytes(*crc) {
        return None;
    }
    let (seq, prev, hash) = (
        u64::from_le_bytes(*seq),
        Digest::from_bytes(*prev),
        Digest::of(covered),
    );
    Some((
        Frame {
            layout,
            kind,
            seq,
            prev,
            hash,
            head,
            body,
        },
        len,
    ))
}

/// Takes a journal file apart. Behind damage it goes on at the next good frame, so one bad frame costs only itself.
pub(crate) fn scan(bytes: &[u8]) -> Vec<Piece<'_>> {
    let (mut pieces, mut at) = (Vec::new(), 0);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some((frame, len)) = parse(rest) {
            pieces.push(Piece::Frame { at, len, frame });
            at += len;
        } else {
            let len = next_frame(rest).unwrap_or(rest.len());
            pieces.push(Piece::Damage { at, len });
            at += len;
        }
    }
    pieces
}

/// How far behind the beginning of `bytes` the next good frame begins.
fn next_frame(bytes: &[u8]) -> Option<usize> {
    (1..bytes.len()).find(|at| bytes.get(*at..).is_some_and(|rest| parse(rest).is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Frames of a small journal, their bytes and where each begins; contents hold the magic to make stepping over hard.
    fn journal(contents: &[(Vec<u8>, Vec<u8>)]) -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut begins, mut prev) = (Vec::new(), Vec::new(), Digest::NONE);
        for (seq, (head, body)) in (1_u64..).zip(contents) {
            begins.push(bytes.len());
            let (frame, hash) = encode(1, seq, &prev, head, body).unwrap();
            bytes.extend_from_slice(&frame);
            prev = hash;
        }
        (bytes, begins)
    }

    fn frames<'a>(pieces: &[Piece<'a>]) -> Vec<Frame<'a>> {
        pieces
            .iter()
            .filter_map(|piece| {
                if let Piece::Frame { frame, .. } = piece {
                    Some(*frame)
                } else {
                    None
                }
            })
            .collect()
    }

    fn contents() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
        let text = || {
            proptest::collection::vec(
                prop_oneof![3 => any::<u8>(), 1 => Just(b'm'), 1 => Just(b'x')],
                0..24,
            )
        };
        let with_magic = (text(), any::<bool>()).prop_map(|(mut text, magic)| {
            if magic {
                text.extend_from_slice(&MAGIC);
            }
            text
        });
        proptest::collection::vec((text(), with_magic), 1..5)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn what_was_written_is_read_back(contents in contents()) {
            let (bytes, _) = journal(&contents);
            let pieces = scan(&bytes);
            prop_assert_eq!(pieces.len(), contents.len());
            let mut prev = Digest::NONE;
            for ((frame, (head, body)), seq) in frames(&pieces).into_iter().zip(&contents).zip(1..) {
                prop_assert_eq!((frame.seq, frame.head, frame.body, frame.prev), (seq, head.as_slice(), body.as_slice(), prev));
                prev = frame.hash;
            }
        }

        #[test]
        fn cut_at_any_byte_every_whole_frame_and_nothing_else_is_read(contents in contents()) {
            let (bytes, begins) = journal(&contents);
            let (pieces, all) = (scan(&bytes), begins.len());
            let written = frames(&pieces);
            for cut in 0..bytes.len() {
                let whole = begins.iter().skip(1).filter(|begin| **begin <= cut).count();
                let torn = scan(&bytes[..cut]);
                prop_assert_eq!(&frames(&torn)[..], &written[..whole], "cut at {} of {} frames", cut, all);
                let clean = begins.contains(&cut);
                prop_assert_eq!(torn.len(), whole + usize::from(!clean));
            }
        }

        #[test]
        fn a_flipped_byte_costs_its_own_frame_and_no_wrong_one_is_read(contents in contents(), mask in 1_u8..) {
            let (bytes, begins) = journal(&contents);
            let (pieces, mut bad) = (scan(&bytes), bytes.clone());
            let written = frames(&pieces);
            for at in 0..bytes.len() {
                bad[at] ^= mask;
                let hit = begins.iter().filter(|begin| **begin <= at).count() - 1;
                let pieces = scan(&bad);
                let mut left = written.clone();
                left.remove(hit);
                prop_assert_eq!(frames(&pieces), left, "flip at {}", at);
                let damage = matches!(pieces[hit], Piece::Damage { .. });
                prop_assert!(damage, "flip at {}", at);
                bad[at] ^= mask;
            }
        }

        #[test]
        fn any_bytes_are_taken_apart_without_losing_one(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let covered: usize = scan(&bytes).iter().map(|piece| match piece {
                Piece::Frame { len, .. } | Piece::Damage { len, .. } => *len,
            }).sum();
            prop_assert_eq!(covered, bytes.len());
        }
    }
}
