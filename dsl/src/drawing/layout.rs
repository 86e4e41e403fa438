//! Where the nodes of a picture stand: in layers from top to bottom, after Sugiyama, Tagawa and Toda, "Methods for Visual
//! Understanding of Hierarchical System Structures", 1981, without the parts that only large graphs need.

use super::picture::{Kind, Picture};
use std::collections::HashMap;

/// Width of a character, and what stands around a label.
const LETTER: u32 = 7;
const PADDING: u32 = 20;
/// A node's height, and the room between nodes.
pub(super) const HEIGHT: u32 = 30;
const GAP: u32 = 30;
const LAYER: u32 = 90;
/// Times that nodes are moved to the middle of those above and below.
const SWEEPS: usize = 8;

/// A node's place: its upper left corner and its width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
}

/// Places by node, and the size of the whole.
pub(super) struct Layout {
    pub(super) places: Vec<Place>,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// Width of a label.
pub(super) fn width(label: &str) -> u32 {
    u32::try_from(label.chars().count()).unwrap_or(0) * LETTER + PADDING
}

/// Lays a picture out; `labels` are what is written on its nodes.
pub(super) fn layout(picture: &Picture, labels: &[String]) -> Layout {
    let widths: Vec<u32> = labels.iter().map(String::as_str).map(width).collect();
    if picture.view == "rules" {
        return beside(picture, &widths);
    }
    layered(picture, &widths)
}

/// Rules one below the other, and beside them what they do, at the height of the first that leads there.
fn beside(picture: &Picture, widths: &[u32]) -> Layout {
    let is_end = |at: usize| {
        let kind = picture.nodes.get(at).map(|n| n.kind);
        matches!(kind, Some(Kind::Use | Kind::Deny | Kind::Go))
    };
    let columns = (0..widths.len()).filter(|at| !is_end(*at));
    let column = columns
        .filter_map(|at| widths.get(at))
        .max()
        .copied()
        .unwrap_or(0);
    let ids: HashMap<&str, usize> = picture
        .nodes
        .iter()
        .enumerate()
        .map(|(at, n)| (n.id.as_str(), at))
        .collect();
    let mut places = vec![Place::default(); widths.len()];
    let step = HEIGHT + GAP;
    let mut y = GAP;
    for (at, (place, width)) in places.iter_mut().zip(widths).enumerate() {
        if !is_end(at) {
            *place = Place {
                x: GAP + (column - width) / 2,
                y,
                width: *width,
            };
            y += step;
        }
    }
    let mut below = GAP;
    let mut ends: Vec<usize> = (0..widths.len()).filter(|at| is_end(*at)).collect();
    let source = |at: usize| {
        let own = picture.nodes.get(at).map(|n| n.id.as_str());
        let from = picture.arrows.iter().find(|a| Some(a.to.as_str()) == own);
        from.and_then(|a| ids.get(a.from.as_str()))
            .copied()
            .unwrap_or(0)
    };
    ends.sort_by_key(|at| source(*at));
    for at in ends {
        let beside = places.get(source(at)).map_or(0, |p| p.y);
        let y = beside.max(below);
        below = y + step;
        if let (Some(place), Some(width)) = (places.get_mut(at), widths.get(at)) {
            *place = Place {
                x: GAP + column + 3 * LAYER / 2,
                y,
                width: *width,
            };
        }
    }
    sized(places)
}

fn layered(picture: &Picture, widths: &[u32]) -> Layout {
    let ids: HashMap<&str, usize> = picture
        .nodes
        .iter()
        .enumerate()
        .map(|(at, n)| (n.id.as_str(), at))
        .collect();
    let arrows: Vec<(usize, usize)> = picture
        .arrows
        .iter()
        .filter_map(|a| Some((*ids.get(a.from.as_str())?, *ids.get(a.to.as_str())?)))
        .collect();
    let depth = depths(picture.nodes.len(), &arrows);
    let layers = depth.iter().max().map_or(0, |d| d + 1);
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); layers];
    for (at, depth) in depth.iter().enumerate() {
        if let Some(row) = rows.get_mut(*depth) {
            row.push(at);
        }
    }
    let mut rank: Vec<usize> = vec![0; depth.len()];
    number(&rows, &mut rank);
    for sweep in 0..SWEEPS {
        for row in &mut rows {
            let middle = |at: &usize| {
                let near = arrows
                    .iter()
                    .filter_map(|(from, to)| match (sweep % 2, from, to) {
                        (0, from, to) if to == at => Some(from),
                        (1, from, to) if from == at => Some(to),
                        _ => None,
                    });
                let ranks: Vec<usize> = near.filter_map(|n| rank.get(*n).copied()).collect();
                // In hundredths; nodes without neighbours stay.
                match ranks.len() {
                    0 => rank.get(*at).copied().unwrap_or(0) * 100,
                    n => ranks.iter().sum::<usize>() * 100 / n,
                }
            };
            row.sort_by_cached_key(middle);
        }
        number(&rows, &mut rank);
    }
    let line = |row: &Vec<usize>| {
        row.iter()
            .filter_map(|at| widths.get(*at))
            .map(|w| w + GAP)
            .sum::<u32>()
    };
    let widest = rows.iter().map(line).max().unwrap_or(0);
    let mut places = vec![Place::default(); widths.len()];
    for (depth, row) in (0_u32..).zip(&rows) {
        let mut x = GAP + (widest - line(row)) / 2;
        for at in row {
            if let (Some(place), Some(width)) = (places.get_mut(*at), widths.get(*at)) {
                *place = Place {
                    x,
                    y: GAP + depth * LAYER,
                    width: *width,
                };
                x += width + 2 * GAP;
            }
        }
    }
    sized(places)
}

/// The longest way from a root to each node. There are no loops.
fn depths(nodes: usize, arrows: &[(usize, usize)]) -> Vec<usize> {
    let mut depth = vec![0; nodes];
    for _ in 0..nodes {
        let mut moved = false;
        for (from, to) in arrows {
            let least = depth.get(*from).map_or(0, |d| d + 1);
            if let Some(own) = depth.get_mut(*to).filter(|own| **own < least) {
                *own = least;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    depth
}

/// Each node's place in its row.
fn number(rows: &[Vec<usize>], rank: &mut [usize]) {
    for (at, node) in rows.iter().flat_map(|row| row.iter().enumerate()) {
        if let Some(rank) = rank.get_mut(*node) {
            *rank = at;
        }
    }
}

fn sized(places: Vec<Place>) -> Layout {
    let right = places.iter().map(|p| p.x + p.width).max().unwrap_or(0);
    let bottom = places.iter().map(|p| p.y + HEIGHT).max().unwrap_or(0);
    Layout {
        places,
        width: right + GAP,
        height: bottom + GAP,
    }
}
