//! Where a zip ends, and what its end says of its directory.
//!
//! Some readers find the directory by its size, as Python does, others by its
//! offset or by looking for it: only where all of them find the same it is
//! sound. Sizes count from the end, so that a program before the zip, as in
//! those that extract themselves, is no matter.

use std::io::{self, Read, Seek, SeekFrom};

const END: &[u8] = b"PK\x05\x06";
const END_LENGTH: usize = 22;
const LOCATOR: &[u8] = b"PK\x06\x07";
const LOCATOR_LENGTH: usize = 20;
const WIDE_END: &[u8] = b"PK\x06\x06";

/// Enough for the records behind the directory, without a comment.
const USUAL: u64 = 1024;

/// The same with the longest comment.
const LONGEST: u64 = USUAL + 0xffff;

/// Where the directory begins as its size has it; nothing where there is no
/// end, or the directory would begin before the zip.
pub(super) fn directory_start(file: &mut (impl Read + Seek)) -> io::Result<Option<u64>> {
    let size = file.seek(SeekFrom::End(0))?;
    let mut end = tail(file, size, USUAL)?;
    if bare_end(&end).is_none() {
        end = tail(file, size, LONGEST)?;
    }
    Ok(distance_of_directory(&end).and_then(|distance| size.checked_sub(distance)))
}

fn tail(file: &mut (impl Read + Seek), size: u64, length: u64) -> io::Result<Vec<u8>> {
    let length = length.min(size);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(size - length))?;
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The end record, if nothing comes behind it.
fn bare_end(tail: &[u8]) -> Option<usize> {
    let at = tail.len().checked_sub(END_LENGTH)?;
    (tail[at..].starts_with(END) && tail.ends_with(&[0, 0])).then_some(at)
}

/// How far before the end of the file the directory begins.
fn distance_of_directory(tail: &[u8]) -> Option<u64> {
    let last = tail.len().checked_sub(END_LENGTH)?;
    let end = bare_end(tail).or_else(|| memchr::memmem::rfind(&tail[..last + END.len()], END))?;
    let (behind, size) = match wide_end(&tail[..end]) {
        Some(record) => (record, number::<8>(&tail[record + 40..])),
        None => (end, number::<4>(&tail[end + 12..])),
    };
    size.checked_add((tail.len() - behind) as u64)
}

/// The ZIP64 end record, if there is one before the other.
fn wide_end(before: &[u8]) -> Option<usize> {
    let locator = before.len().checked_sub(LOCATOR_LENGTH)?;
    if !before[locator..].starts_with(LOCATOR) {
        return None;
    }
    let is_whole = |at: &usize| {
        let length = (locator - at) as u64;
        length >= 56 && number::<8>(&before[at + 4..]).checked_add(12) == Some(length)
    };
    memchr::memmem::find_iter(&before[..locator], WIDE_END).find(is_whole)
}

/// Of so many bytes, the lowest first.
fn number<const LENGTH: usize>(bytes: &[u8]) -> u64 {
    bytes[..LENGTH].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
