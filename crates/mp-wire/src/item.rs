//! Encoded values one behind the other, each with its length before it: arguments on the way out, results on the way back.
//!
//! Does **not** know what they encode.
//!
//! ```text
//!  | len: 1 | bytes |            up to 239 bytes
//!  | F0 | len: 8 | bytes |       more
//!  | F1..FF                      no item: marks of `record`
//! ```

use crate::CodecError;

/// The longest item whose length is one byte.
const SHORT: usize = 0xEF;

/// Before the eight bytes of a greater length.
const LONG: u8 = 0xF0;

/// What comes before a long item's bytes.
const LONG_HEADER: usize = 9;

/// Appends one item as `write` makes it.
///
/// # Errors
/// What `write` says. `body` is then as before.
#[inline]
pub fn push_item(
    body: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), CodecError>,
) -> Result<(), CodecError> {
    let start = body.len();
    body.push(0);
    if let Err(error) = write(body) {
        body.truncate(start);
        return Err(error);
    }
    let len = body.len() - start - 1;
    if len <= SHORT {
        body[start] = len as u8;
    } else {
        lengthen(body, start, len);
    }
    Ok(())
}

/// A long item moves, to make room for its length; what it costs to write it is more.
#[cold]
fn lengthen(body: &mut Vec<u8>, start: usize, len: usize) {
    body.resize(start + LONG_HEADER + len, 0);
    body.copy_within(start + 1..=start + len, start + LONG_HEADER);
    body[start] = LONG;
    body[start + 1..start + LONG_HEADER].copy_from_slice(&(len as u64).to_le_bytes());
}

/// Appends one item that is encoded already.
#[inline]
pub fn push_bytes(body: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() <= SHORT {
        body.push(bytes.len() as u8);
    } else {
        body.push(LONG);
        body.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    }
    body.extend_from_slice(bytes);
}

/// An item of up to eight bytes, the lowest first, and how many bytes it takes.
#[must_use]
#[inline]
pub fn short_item(value: u64, len: usize) -> (u128, usize) {
    (u128::from(value) << 8 | len as u128, 1 + len)
}

/// Splits the first item off. `None` where it is cut short, or is no item.
#[must_use]
#[inline]
pub fn split_item(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&tag, rest) = body.split_first()?;
    match tag {
        LONG => {
            let (len, rest) = rest.split_first_chunk::<8>()?;
            rest.split_at_checked(usize::try_from(u64::from_le_bytes(*len)).ok()?)
        }
        _ if usize::from(tag) <= SHORT => rest.split_at_checked(usize::from(tag)),
        _ => None,
    }
}

/// How many items, at most `most`, at the front of `body` are as short as the first, and what follows them. Most items are:
/// where each begins is known before the one before it was looked at, so it takes a fifth of the time of one by one.
#[inline]
fn split_alike(body: &[u8], most: u32) -> (u32, &[u8]) {
    let Some(&tag) = body.first().filter(|tag| usize::from(**tag) <= SHORT) else { return (0, body) };
    let stride = 1 + usize::from(tag);
    let alike = body.chunks_exact(stride).take(most as usize).take_while(|item| item[0] == tag).count();
    (alike as u32, &body[alike * stride..])
}

/// The bytes of the one item that `body` is, however long.
#[must_use]
#[inline]
pub fn only_item(body: &[u8]) -> &[u8] {
    let header = if body.first() == Some(&LONG) { LONG_HEADER } else { 1 };
    body.get(header..).unwrap_or_default()
}

/// Some items, whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Items<'a> {
    bytes: &'a [u8],
    count: u32,
}

impl<'a> Items<'a> {
    /// The items at the front of `bytes`, and what follows them: nothing, or something that is no whole item.
    #[must_use]
    pub fn split_off(bytes: &'a [u8]) -> (Self, &'a [u8]) {
        Self::of(bytes, u32::MAX)
    }

    /// All of `bytes`, which are so many items, as is known. Were they not, some would be missing.
    #[must_use]
    pub fn known(bytes: &'a [u8], count: u32) -> Self {
        Self { bytes, count }
    }

    /// The first `count` items of `bytes`, or as many as there are, and what follows them.
    #[must_use]
    pub fn of(bytes: &'a [u8], count: u32) -> (Self, &'a [u8]) {
        let (mut rest, mut left) = (bytes, count);
        while left > 0 {
            let (alike, after) = split_alike(rest, left);
            (rest, left) = (after, left - alike);
            let Some((_, after)) = split_item(rest).filter(|_| left > 0) else { break };
            (rest, left) = (after, left - 1);
        }
        (Self { bytes: &bytes[..bytes.len() - rest.len()], count: count - left }, rest)
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All of them, with their lengths.
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Takes the first, if it has `len` bytes, few: what is known of all of them need not be found out of each.
    #[must_use]
    #[inline]
    pub fn next_of(&mut self, len: usize) -> Option<&'a [u8]> {
        let (item, rest) = self.bytes.split_at_checked(1 + len)?;
        if len > SHORT || usize::from(item[0]) != len {
            return None;
        }
        (self.bytes, self.count) = (rest, self.count.saturating_sub(1));
        Some(&item[1..])
    }

    /// Takes the first `count`, or all.
    pub fn take_front(&mut self, count: u32) -> Self {
        if count >= self.count {
            return std::mem::take(self);
        }
        let (front, rest) = Self::of(self.bytes, count);
        *self = Self { bytes: rest, count: self.count - front.count };
        front
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (item, rest) = split_item(self.bytes)?;
        (self.bytes, self.count) = (rest, self.count.saturating_sub(1));
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(items: &[&[u8]]) -> Vec<u8> {
        let mut body = Vec::new();
        for item in items {
            push_item(&mut body, |out| {
                out.extend_from_slice(item);
                Ok(())
            })
            .expect("fits");
        }
        body
    }

    #[test]
    fn items_split_as_they_were_pushed() {
        // Around the length from which on nine bytes say it.
        let lengths = [0, 1, SHORT - 1, SHORT, SHORT + 1, 70_000];
        let items: Vec<Vec<u8>> = lengths.iter().zip(0..).map(|(len, byte)| vec![byte; *len]).collect();
        let items: Vec<&[u8]> = items.iter().map(Vec::as_slice).collect();
        let body = pushed(&items);
        let (split, rest) = Items::split_off(&body);
        assert_eq!((split.len() as usize, rest), (items.len(), &b""[..]));
        assert_eq!(split.collect::<Vec<_>>(), items);
        let mut bytes = Vec::new();
        items.iter().for_each(|item| push_bytes(&mut bytes, item));
        assert_eq!(bytes, body);
        assert!(items.iter().all(|item| only_item(&pushed(&[item])) == *item));
    }

    #[test]
    fn a_body_cut_short_is_none() {
        assert_eq!(split_item(&[9, 0, 0, 0, 1]), None);
        assert_eq!(split_item(&[LONG, 0]), None);
        assert_eq!(split_item(&[0xF1]), None);
        assert_eq!(split_item(&[]), None);
    }

    #[test]
    fn items_alike_are_counted_as_those_that_differ() {
        // Runs of equal lengths, each ended by another length, by one that is long, by a mark, or by too few bytes.
        let runs: [&[(usize, usize)]; 4] =
            [&[(8, 5)], &[(8, 3), (2, 2), (8, 1)], &[(0, 4), (300, 2), (0, 1)], &[(239, 2), (240, 1)]];
        for (run, end) in runs.iter().flat_map(|run| [&[][..], &[0xF1], &[8, 1, 2]].map(|end| (run, end))) {
            let items: Vec<Vec<u8>> = run.iter().flat_map(|(len, count)| vec![vec![7; *len]; *count]).collect();
            let mut body = pushed(&items.iter().map(Vec::as_slice).collect::<Vec<_>>());
            body.extend_from_slice(end);
            let (all, rest) = Items::split_off(&body);
            assert_eq!((all.len() as usize, rest), (items.len(), end), "{run:?}");
            for count in 0..=items.len() + 1 {
                let (some, rest) = Items::of(&body, count as u32);
                let whole = count.min(items.len());
                assert_eq!(some.len() as usize, whole, "{count} of {run:?}");
                assert_eq!(some.as_bytes().len() + rest.len(), body.len());
                assert_eq!(some.collect::<Vec<_>>(), items[..whole]);
            }
        }
    }

    #[test]
    fn items_are_taken_from_the_front() {
        let body = pushed(&[b"one", b"two", b"three"]);
        let (mut items, _) = Items::split_off(&body);
        let front = items.take_front(2);
        assert_eq!((front.len(), items.len()), (2, 1));
        assert_eq!(front.collect::<Vec<_>>(), [b"one", b"two"]);
        assert_eq!(items.take_front(9).collect::<Vec<_>>(), [b"three"]);
        assert!(items.is_empty());
    }

    #[test]
    fn items_of_a_length_are_taken_as_long_as_they_have_it() {
        let body = pushed(&[b"one", b"two", b"three"]);
        let (mut items, _) = Items::split_off(&body);
        assert_eq!((items.next_of(3), items.next_of(5)), (Some(&b"one"[..]), None));
        assert_eq!((items.next_of(3), items.next_of(3)), (Some(&b"two"[..]), None));
        assert_eq!((items.next_of(5), items.next_of(5), items.len()), (Some(&b"three"[..]), None, 0));
        let cut = Items::known(&body[..3], 1);
        assert_eq!({ cut }.next_of(3), None);
        let long = pushed(&[&[7; SHORT + 1]]);
        assert_eq!(Items::split_off(&long).0.next_of(usize::from(LONG)), None);
    }

    #[test]
    fn an_item_that_cannot_be_encoded_leaves_no_trace() {
        let mut body = vec![7];
        let refused = push_item(&mut body, |out| {
            out.push(1);
            Err(CodecError("no".to_owned()))
        });
        assert!(refused.is_err());
        assert_eq!(body, [7]);
    }
}
