//! A bounded way to decide: for each cell of each field the set of regions it leaves, as bits; the lowest bit of what all
//! leave is the first match.
//!
//! Lakshman and Stiliadis, "High-Speed Policy-based Packet Forwarding Using Efficient Multi-dimensional Range Matching",
//! SIGCOMM 1998. The size is the sum of cells times regions, whatever the rules look like.

use crate::cells::Cells;
use crate::region::Region;

/// Most fields that one policy may read and still be decided this way.
pub(crate) const FIELDS: usize = 64;

/// Most words of all rows together: 64 MiB.
const WORDS: usize = 8 << 20;

/// The rows of one policy.
#[derive(Debug)]
pub(crate) struct Rows {
    fields: Box<[u16]>,
    /// By field: where its rows begin in `bits`.
    starts: Box<[u32]>,
    bits: Box<[u64]>,
    /// Words of a row.
    width: usize,
    /// By region: what it decides.
    leaves: Box<[u32]>,
}

impl Rows {
    /// The rows of a list; `None` where they would be too many.
    pub(crate) fn build(list: &[(Region, u32)], counts: &dyn Fn(u16) -> u32) -> Option<Self> {
        let mut fields: Vec<u16> = list
            .iter()
            .flat_map(|(r, _)| r.iter().map(|(f, _)| f))
            .collect();
        fields.sort_unstable();
        fields.dedup();
        let width = list.len().div_ceil(64);
        let cells: usize = fields.iter().map(|f| counts(*f) as usize).sum();
        if fields.len() > FIELDS || cells.checked_mul(width).is_none_or(|w| w > WORDS) {
            return None;
        }
        let mut rows = Self {
            fields: fields.into(),
            starts: Box::default(),
            bits: vec![0; cells * width].into(),
            width,
            leaves: list.iter().map(|(_, leaf)| *leaf).collect(),
        };
        let mut start = 0;
        let mut starts = Vec::new();
        for field in rows.fields.clone() {
            starts.push(u32::try_from(start).ok()?);
            let end = start + counts(field) as usize * width;
            // What does not ask about the field holds in all of its cells.
            let mut free = vec![0; width];
            let others = list.iter().enumerate();
            for (at, _) in others.filter(|(_, (region, _))| region.get(field).is_none()) {
                set(&mut free, 0, at);
            }
            let bits = rows.bits.get_mut(start..end)?;
            for row in bits.chunks_exact_mut(width.max(1)) {
                row.copy_from_slice(&free);
            }
            for (at, (region, _)) in list.iter().enumerate() {
                let cells = region.get(field).into_iter().flat_map(Cells::iter);
                cells.for_each(|cell| set(bits, cell as usize * width, at));
            }
            start = end;
        }
        rows.starts = starts.into();
        Some(rows)
    }

    /// The fields that are read, in order.
    pub(crate) fn fields(&self) -> &[u16] {
        &self.fields
    }

    /// What the first region decides that holds in these cells; `None` where none does.
    #[inline]
    pub(crate) fn first(&self, cells: &[u32]) -> Option<u32> {
        for word in 0..self.width {
            let mut left = u64::MAX;
            for (start, cell) in self.starts.iter().zip(cells) {
                let at = *start as usize + *cell as usize * self.width + word;
                #[expect(
                    clippy::indexing_slicing,
                    reason = "cells are below the count that the rows were made for"
                )]
                {
                    left &= self.bits[at];
                }
            }
            if left != 0 {
                return self
                    .leaves
                    .get(word * 64 + left.trailing_zeros() as usize)
                    .copied();
            }
        }
        None
    }

    /// Bytes of its rows.
    pub(crate) fn bytes(&self) -> usize {
        self.bits.len() * 8
    }
}

/// Sets the bit of a region in the row that begins there.
fn set(bits: &mut [u64], row: usize, region: usize) {
    if let Some(word) = bits.get_mut(row + region / 64) {
        *word |= 1 << (region % 64);
    }
}
