//! The records of a zip file (PKWARE's APPNOTE 6.3), with their ZIP64 forms
//! where a number needs one.

use std::borrow::Cow;

use super::mode;
use crate::entry::{Measured, Node};

const NARROW: u64 = 0xffff_ffff;
/// Version 2.0 knows directories and deflate, version 4.5 ZIP64.
const PLAIN: u16 = 20;
const WIDE: u16 = 45;
const UNIX: u16 = 3 << 8;
const NAME_IS_UTF8: u16 = 1 << 11;
const SIZES_FOLLOW: u16 = 1 << 3;
const ZIP64: u16 = 1;

/// What a zip says of an entry.
pub(super) struct Record<'a> {
    pub(super) item: &'a Measured,
    /// Of the local header, from the start of the archive.
    pub(super) offset: u64,
    pub(super) crc: u32,
    pub(super) compressed: u64,
    pub(super) sizes: Sizes,
}

/// Where CRC and sizes of an entry stand, apart from the central directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sizes {
    /// In its local header.
    Before,
    /// In a data descriptor behind its content, since the header had to be
    /// written when they weren't known yet.
    Behind,
}

/// The calendar of zip: years from 1980 to 2107, in steps of two seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DosTime {
    date: u16,
    time: u16,
}

impl<'a> Record<'a> {
    pub(super) fn new(item: &'a Measured, offset: u64, sizes: Sizes) -> Self {
        Record { item, offset, crc: 0, compressed: 0, sizes }
    }

    fn name(&self) -> Cow<'a, str> {
        let entry = &self.item.entry;
        match entry.node {
            Node::Directory => format!("{}/", entry.path).into(),
            _ => (*entry.path).into(),
        }
    }

    /// Its content: links hold their target.
    fn size(&self) -> u64 {
        match &self.item.entry.node {
            Node::Link(target) => target.len() as u64,
            _ => self.item.size,
        }
    }

    fn flags(&self) -> u16 {
        let utf8 = if self.item.entry.path.is_ascii() { 0 } else { NAME_IS_UTF8 };
        utf8 | if self.sizes == Sizes::Behind { SIZES_FOLLOW } else { 0 }
    }

    /// Every file that has content is deflated.
    fn method(&self) -> u16 {
        if matches!(self.item.entry.node, Node::File(_)) && self.size() > 0 { 8 } else { 0 }
    }

    /// Whether sizes are written with eight bytes beside the content. What is
    /// larger when compressed is so by less than a thousandth.
    fn is_huge(&self) -> bool {
        self.size() >= NARROW - NARROW / 1000
    }

    /// What stands before the content.
    pub(super) fn local_header(&self, time: DosTime, out: &mut Vec<u8>) {
        let known = self.sizes == Sizes::Before;
        let (name, huge) = (self.name(), self.is_huge());
        put(out, 0x0403_4b50_u32.to_le_bytes());
        put(out, if huge { WIDE } else { PLAIN }.to_le_bytes());
        self.common(time, if known { self.crc } else { 0 }, out);
        let (compressed, size) = if known { (self.compressed, self.size()) } else { (0, 0) };
        put(out, if huge { u32::MAX } else { narrow(compressed) }.to_le_bytes());
        put(out, if huge { u32::MAX } else { narrow(size) }.to_le_bytes());
        put(out, short(name.len()));
        put(out, if huge { 20u16 } else { 0 }.to_le_bytes());
        put(out, name.as_bytes());
        if huge {
            zip64(&[size, compressed], out);
        }
    }

    /// What stands behind the content where the sizes do.
    pub(super) fn data_descriptor(&self, out: &mut Vec<u8>) {
        put(out, 0x0807_4b50_u32.to_le_bytes());
        put(out, self.crc.to_le_bytes());
        if self.is_huge() {
            put(out, self.compressed.to_le_bytes());
            put(out, self.size().to_le_bytes());
        } else {
            put(out, narrow(self.compressed).to_le_bytes());
            put(out, narrow(self.size()).to_le_bytes());
        }
    }

    /// What stands in the central directory.
    pub(super) fn central_header(&self, time: DosTime, out: &mut Vec<u8>) {
        let wide: Vec<u64> = [self.size(), self.compressed, self.offset]
            .into_iter()
            .filter(|number| *number >= NARROW)
            .collect();
        let version: u16 = if wide.is_empty() && !self.is_huge() { PLAIN } else { WIDE };
        let (name, directory) = (self.name(), matches!(self.item.entry.node, Node::Directory));
        put(out, 0x0201_4b50_u32.to_le_bytes());
        put(out, (UNIX | version).to_le_bytes());
        put(out, version.to_le_bytes());
        self.common(time, self.crc, out);
        put(out, narrow(self.compressed).to_le_bytes());
        put(out, narrow(self.size()).to_le_bytes());
        put(out, short(name.len()));
        put(out, short(if wide.is_empty() { 0 } else { 4 + 8 * wide.len() }));
        // No comment, first disk, no internal attributes.
        put(out, [0; 6]);
        // The low byte is MS-DOS's: 16 is its directory.
        put(out, (mode::whole(&self.item.entry.node) << 16 | if directory { 16 } else { 0 }).to_le_bytes());
        put(out, narrow(self.offset).to_le_bytes());
        put(out, name.as_bytes());
        if !wide.is_empty() {
            zip64(&wide, out);
        }
    }

    fn common(&self, time: DosTime, crc: u32, out: &mut Vec<u8>) {
        put(out, self.flags().to_le_bytes());
        put(out, self.method().to_le_bytes());
        put(out, time.time.to_le_bytes());
        put(out, time.date.to_le_bytes());
        put(out, crc.to_le_bytes());
    }
}

/// What stands behind the central directory of `entries` records, which is
/// `size` bytes long and begins at `offset`.
pub(super) fn end(entries: u64, size: u64, offset: u64, out: &mut Vec<u8>) {
    if entries >= 0xffff || size >= NARROW || offset >= NARROW {
        put(out, 0x0606_4b50_u32.to_le_bytes());
        put(out, 44u64.to_le_bytes());
        put(out, (UNIX | WIDE).to_le_bytes());
        put(out, WIDE.to_le_bytes());
        put(out, [0; 8]); // disk numbers
        for number in [entries, entries, size, offset] {
            put(out, number.to_le_bytes());
        }
        put(out, 0x0706_4b50_u32.to_le_bytes());
        put(out, 0u32.to_le_bytes());
        put(out, (offset + size).to_le_bytes());
        put(out, 1u32.to_le_bytes());
    }
    let count = u16::try_from(entries).unwrap_or(u16::MAX).to_le_bytes();
    put(out, 0x0605_4b50_u32.to_le_bytes());
    put(out, [0; 4]); // disk numbers
    put(out, count);
    put(out, count);
    put(out, narrow(size).to_le_bytes());
    put(out, narrow(offset).to_le_bytes());
    put(out, [0; 2]); // no comment
}

fn zip64(numbers: &[u64], out: &mut Vec<u8>) {
    put(out, ZIP64.to_le_bytes());
    put(out, short(8 * numbers.len()));
    for number in numbers {
        put(out, number.to_le_bytes());
    }
}

fn put(out: &mut Vec<u8>, bytes: impl AsRef<[u8]>) {
    out.extend_from_slice(bytes.as_ref());
}

/// The number, or the mark which says that it stands in a ZIP64 record.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A length of a name or of an extra field. No system has names that are
/// longer than 65535 bytes.
fn short(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes()
}

impl DosTime {
    /// Of seconds since 1970; the nearest that the calendar knows.
    pub(super) fn from_unix(seconds: u64) -> Self {
        const DAY: u64 = 86_400;
        let seconds = seconds.clamp(315_532_800, 4_354_819_198);
        let (mut days, clock) = (seconds / DAY - 3652, seconds % DAY);
        let mut year = 1980;
        // 2100 is the one year of the calendar that breaks the rule of four.
        let leap = |year: u64| year.is_multiple_of(4) && year != 2100;
        while days >= 365 + u64::from(leap(year)) {
            days -= 365 + u64::from(leap(year));
            year += 1;
        }
        let february = 28 + u64::from(leap(year));
        let mut month = 1;
        for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
            if days < length {
                break;
            }
            days -= length;
            month += 1;
        }
        DosTime {
            date: packed(year - 1980, 9, month, days + 1),
            time: packed(clock / 3600, 11, clock / 60 % 60, clock % 60 / 2),
        }
    }
}

/// A field of sixteen bits: from its left end, from bit 5 and from bit 0.
#[allow(clippy::cast_possible_truncation)] // clamped to the calendar
fn packed(first: u64, shift: u32, second: u64, third: u64) -> u16 {
    (first << shift | second << 5 | third) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_zip_calendar() {
        let date = |year: u64, month, day| packed(year - 1980, 9, month, day);
        let time = |hour, minute, second: u64| packed(hour, 11, minute, second / 2);
        let found = |seconds| {
            let DosTime { date, time } = DosTime::from_unix(seconds);
            (date, time)
        };
        assert_eq!(found(0), (date(1980, 1, 1), 0));
        assert_eq!(found(315_532_800), (date(1980, 1, 1), 0));
        assert_eq!(found(951_782_400), (date(2000, 2, 29), 0));
        assert_eq!(found(1_700_000_000), (date(2023, 11, 14), time(22, 13, 20)));
        assert_eq!(found(4_107_542_400), (date(2100, 3, 1), 0));
        assert_eq!(found(u64::MAX), (date(2107, 12, 31), time(23, 59, 58)));
    }
}
