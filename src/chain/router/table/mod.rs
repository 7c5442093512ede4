//! Plain prefixes, found at a cost that does not grow with their number.
//!
//! Prefixes that end in `/` are *folders*. Any other is the *tail* of the folder up to its last `/`. A path is read
//! once, eight bytes at a time; at each `/` where some folder could end the hash so far leads to the one node that
//! can hold it (a perfect hash: no probing, one cache line). A folder knows the lengths of its tails, so of those
//! only what fits the path is looked up, the longest first. Turned down on 2026-11-22: a trie, whose depth and
//! cache misses grow with the number of paths; probing at every length that any prefix has, which took 255 ns
//! against 16 ns once 5,000 paths had many lengths.

mod hash;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use hash::Rolling;

/// The domain of a prefix that any host may ask for.
pub(super) const ANY_DOMAIN: u32 = 0;

/// A tail that is longer has no bit in [`Node::tails`].
const LONGEST_TAIL: usize = 64;
const INLINE: usize = 36;
const NO_ROUTE: u32 = u32::MAX;

/// One plain prefix to store.
#[derive(Debug)]
pub(super) struct Prefix {
    /// Begins with `/`; [`PrefixTable::can_hold`] it.
    pub(super) text: Box<str>,
    /// [`ANY_DOMAIN`] or the number of a fixed domain.
    pub(super) domain: u32,
    /// Place in the order of registration; the lowest that matches wins.
    pub(super) order: u32,
    /// Handed back with a hit.
    pub(super) strict: bool,
}

/// What [`PrefixTable::find`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) order: u32,
    /// Length of the prefix.
    pub(super) length: usize,
    pub(super) strict: bool,
}

/// Prefixes, fixed when built.
#[derive(Debug, Default)]
pub(super) struct PrefixTable {
    seed: u64,
    /// By the lower half of a hash: what to mix into the upper half to get the node. The size is a power of two.
    shifts: Box<[u16]>,
    nodes: Box<[Node]>,
    /// Texts that do not fit into their node.
    long_texts: Vec<u8>,
    /// A bit for each length that a folder has, 64 to a block; bit 0 of block 0 is length 1.
    folder_lengths: Vec<u64>,
}

/// A prefix, or a folder that is none itself but has tails. Fills one cache line.
#[derive(Debug, Clone)]
#[repr(align(64))]
struct Node {
    /// 0 in an unused node.
    length: u32,
    /// In `long_texts`, if longer than `INLINE`.
    start: u32,
    domain: u32,
    order: u32,
    /// Bit n: this folder has tails of length n + 1.
    tails: u64,
    text: [u8; INLINE],
    strict: bool,
    /// Of the tails of this folder a shorter one was registered before a longer one.
    unsorted: bool,
}

const UNUSED: Node = Node {
    length: 0,
    start: 0,
    domain: 0,
    order: NO_ROUTE,
    tails: 0,
    text: [0; INLINE],
    strict: false,
    unsorted: false,
};

impl PrefixTable {
    /// False for the rare text that has to be kept elsewhere.
    pub(super) fn can_hold(text: &str) -> bool {
        split(text).1.len() <= LONGEST_TAIL
    }

    /// Stores prefixes: by order, no two with the same text and domain.
    pub(super) fn new(prefixes: &[Prefix]) -> Self {
        let mut table = Self::default();
        let mut nodes: HashMap<(&str, u32), Node> = HashMap::with_capacity(prefixes.len());
        for prefix in prefixes {
            let (folder, tail) = split(&prefix.text);
            if let Some(bit) = tail.len().checked_sub(1) {
                let folder = nodes.entry((folder, prefix.domain)).or_insert(UNUSED);
                folder.unsorted |= folder.tails & ((1 << bit) - 1) != 0;
                folder.tails |= 1 << bit;
            }
            let node = nodes.entry((&prefix.text, prefix.domain)).or_insert(UNUSED);
            node.order = prefix.order;
            node.strict = prefix.strict;
        }
        let mut list = Vec::with_capacity(nodes.len());
        for ((text, domain), mut node) in nodes {
            node.domain = domain;
            table.write_text(&mut node, text);
            list.push((text, node));
        }
        // Full hashes of two nodes may be equal, however unlikely: another seed tells them apart.
        while !table.place(&list) {
            table.seed += 1;
        }
        table
    }

    fn write_text(&mut self, node: &mut Node, text: &str) {
        node.length = text.len() as u32;
        match node.text.get_mut(..text.len()) {
            Some(inline) => inline.copy_from_slice(text.as_bytes()),
            None => {
                node.start = self.long_texts.len() as u32;
                self.long_texts.extend_from_slice(text.as_bytes());
            }
        }
        if let Some(bit) = text.len().checked_sub(1)
            && text.ends_with('/')
        {
            if self.folder_lengths.len() <= bit / 64 {
                self.folder_lengths.resize(bit / 64 + 1, 0);
            }
            if let Some(lengths) = self.folder_lengths.get_mut(bit / 64) {
                *lengths |= 1 << (bit % 64);
            }
        }
    }

    /// Finds a shift for each group of nodes with the same lower half of their hashes, large groups first; false if
    /// there is none for some group.
    fn place(&mut self, list: &[(&str, Node)]) -> bool {
        let mut groups = vec![Vec::new(); (list.len() / 4).next_power_of_two()];
        for (text, node) in list {
            let hash = hash::with_domain(self.hash(text), node.domain);
            let group = hash as usize & (groups.len() - 1);
            if let Some(group) = groups.get_mut(group) {
                group.push((hash, node));
            }
        }
        let mut by_size: Vec<usize> = (0..groups.len()).collect();
        by_size.sort_by_key(|group| std::cmp::Reverse(groups.get(*group).map_or(0, Vec::len)));
        // Some room, or the last groups search long; more with each seed that failed, so that this ends.
        let size = list.len() + list.len() / 8 + 1 + self.seed as usize;
        self.shifts = vec![0; groups.len()].into();
        self.nodes = vec![UNUSED; size].into();
        by_size.into_iter().all(|number| {
            let (Some(group), Some(shift)) = (groups.get(number), self.shifts.get_mut(number)) else {
                return false;
            };
            let free =
                (0..=u16::MAX).find_map(|shift| Some((shift, free_places(&self.nodes, group, shift)?)));
            let Some((found, places)) = free else { return false };
            *shift = found;
            for (place, (_, node)) in places.into_iter().zip(group) {
                if let Some(home) = self.nodes.get_mut(place) {
                    *home = (*node).clone();
                }
            }
            true
        })
    }

    fn hash(&self, text: &str) -> u64 {
        let (folder, tail) = split(text);
        let hash = Rolling::new(folder.as_bytes(), self.seed).at(folder.len());
        if tail.is_empty() { hash } else { hash::tail(hash, tail.as_bytes(), tail.len()) }
    }

    /// The first registered prefix of `path` among those for any host and for the domains given.
    pub(super) fn find(&self, path: &[u8], domains: &[u32]) -> Option<Found> {
        let mut rolling = Rolling::new(path, self.seed);
        let mut best = None;
        for (block, (lengths, bytes)) in self.folder_lengths.iter().zip(path.chunks(64)).enumerate() {
            let mut ends = lengths & hash::slashes(bytes);
            while ends != 0 {
                let length = block * 64 + ends.trailing_zeros() as usize + 1;
                ends &= ends - 1;
                let hash = rolling.at(length);
                self.look(path, length, hash, ANY_DOMAIN, &mut best);
                for domain in domains {
                    self.look(path, length, hash, *domain, &mut best);
                }
            }
        }
        best
    }

    /// Looks for the folder that is the first `length` bytes of `path`, and for its tails.
    #[inline]
    fn look(&self, path: &[u8], length: usize, hash: u64, domain: u32, best: &mut Option<Found>) {
        let Some(folder) = self.node(path, length, hash, domain) else { return };
        take(folder, best);
        if folder.tails == 0 {
            return;
        }
        let rest = path.get(length..).unwrap_or_default();
        let Some(last) = rest.len().checked_sub(1) else { return };
        // A tail holds no slash.
        let slash = hash::slashes(rest.get(..LONGEST_TAIL).unwrap_or(rest)).trailing_zeros() as usize;
        let room = slash.min(last + 1);
        let mut lengths = if room < 64 { folder.tails & ((1 << room) - 1) } else { folder.tails };
        while lengths != 0 {
            let bit = 63 - lengths.leading_zeros();
            lengths ^= 1 << bit;
            let tail = bit as usize + 1;
            if let Some(node) = self.node(path, length + tail, hash::tail(hash, rest, tail), domain) {
                take(node, best);
                if !folder.unsorted {
                    return;
                }
            }
        }
    }

    #[inline]
    fn node(&self, path: &[u8], length: usize, hash: u64, domain: u32) -> Option<&Node> {
        let hash = hash::with_domain(hash, domain);
        let shift = self.shifts.get(hash as usize & (self.shifts.len() - 1))?;
        let node = self.nodes.get(place(hash, *shift, self.nodes.len()))?;
        if node.length as usize != length || node.domain != domain {
            return None;
        }
        let start = node.start as usize;
        let text = match node.text.get(..length) {
            Some(text) => text,
            None => self.long_texts.get(start..start + length)?,
        };
        (path.get(..length)? == text).then_some(node)
    }
}

#[inline]
fn take(node: &Node, best: &mut Option<Found>) {
    if node.order < best.map_or(NO_ROUTE, |best| best.order) {
        *best = Some(Found { order: node.order, length: node.length as usize, strict: node.strict });
    }
}

#[inline]
fn place(hash: u64, shift: u16, nodes: usize) -> usize {
    // Without the second factor two hashes with the same top bits share a place under every shift, if the number of
    // nodes is a power of two; and no seed parts those of one text under two domains.
    let mixed = ((hash >> 32) as u32 ^ u32::from(shift).wrapping_mul(0x9e37_79b1)).wrapping_mul(0x85eb_ca6b);
    ((u64::from(mixed) * nodes as u64) >> 32) as usize
}

fn free_places(nodes: &[Node], group: &[(u64, &Node)], shift: u16) -> Option<Vec<usize>> {
    let mut places = Vec::with_capacity(group.len());
    for (hash, _) in group {
        let place = place(*hash, shift, nodes.len());
        if nodes.get(place)?.length != 0 || places.contains(&place) {
            return None;
        }
        places.push(place);
    }
    Some(places)
}

/// Folder (with its `/`) and tail.
fn split(text: &str) -> (&str, &str) {
    text.split_at(text.rfind('/').map_or(0, |slash| slash + 1))
}
