//! What a file is, told from its first bytes.

use super::ustar::RECORD;
use crate::artifact::Format;

/// What the beginning of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Magic {
    /// An archive of this format; for the compressed tars, only the
    /// compression has been seen.
    Archive(Format),
    /// Something that is known and not unpacked.
    Other(&'static str),
    Unknown,
}

/// How many bytes [`detect`] wants to see.
pub(super) const HEAD: usize = RECORD;

pub(super) fn detect(head: &[u8]) -> Magic {
    let starts = |magic: &[u8]| head.starts_with(magic);
    match () {
        () if starts(b"\x1f\x8b") => Magic::Archive(Format::TarGz),
        () if starts(b"\x28\xb5\x2f\xfd") || skips(head) => Magic::Archive(Format::TarZst),
        () if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") => Magic::Archive(Format::Zip),
        () if starts(b"BZh") => Magic::Other("a bzip2 file"),
        () if starts(b"\xfd7zXZ\0") => Magic::Other("an xz file"),
        () if starts(b"7z\xbc\xaf\x27\x1c") => Magic::Other("a 7z archive"),
        () if starts(b"hsqs") => Magic::Other("a SquashFS image"),
        () if is_tar(head) => Magic::Archive(Format::Tar),
        () => Magic::Unknown,
    }
}

/// A frame of Zstandard that readers skip (RFC 8878, 3.1.2); pzstd begins with
/// one.
fn skips(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Whether a stream begins as a tar: with a header whose checksum is right, or
/// with the zeros that end an empty one.
pub(super) fn is_tar(head: &[u8]) -> bool {
    let Some(record) = head.first_chunk::<RECORD>() else { return false };
    let header = tar::Header::from_byte_slice(record);
    let sum: u32 = record[..148].iter().chain(&record[156..]).map(|byte| u32::from(*byte)).sum();
    // The checksum counts its own field as spaces.
    header.cksum().is_ok_and(|expected| expected == sum + 8 * 32) || record.iter().all(|byte| *byte == 0)
}
