//! gzip files of any maker: one member or several, and what fills up the last
//! block of a tape.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// Reads what is inside all members. Zeros behind them are no damage: gzip
/// doesn't mind them either.
pub(super) struct Members<R> {
    /// `None` at the end.
    current: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(file: R) -> Self {
        Members { current: Some(GzDecoder::new(file)) }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Whoever was interrupted reads again: nothing is given up before the next member is known.
        while let Some(member) = &mut self.current {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let more = skip_zeros(member.get_mut())?;
            self.current =
                self.current.take().filter(|_| more).map(|member| GzDecoder::new(member.into_inner()));
        }
        Ok(0)
    }
}

/// Whether anything else follows.
fn skip_zeros(file: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let buffer = file.fill_buf()?;
        let zeros = buffer.iter().take_while(|byte| **byte == 0).count();
        let (ended, more) = (buffer.is_empty(), zeros < buffer.len());
        file.consume(zeros);
        if ended || more {
            return Ok(more);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn member(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn read(file: &[u8]) -> io::Result<String> {
        // As little at a time as it can be.
        let mut out = String::new();
        Members::new(io::BufReader::with_capacity(1, file)).read_to_string(&mut out)?;
        Ok(out)
    }

    #[test]
    fn members_follow_each_other_and_zeros_follow_them() {
        let (one, none, two) = (member("one"), member(""), member("two"));
        assert_eq!(read(&[&one[..], &none, &two].concat()).unwrap(), "onetwo");
        assert_eq!(read(&[&one[..], &[0; 700]].concat()).unwrap(), "one");
        assert_eq!(read(&[&one[..], &[0; 512], &two, &[0]].concat()).unwrap(), "onetwo");
    }

    /// Is interrupted before each byte.
    struct Interrupted<'a>(&'a [u8], bool);

    impl Read for Interrupted<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 { Err(io::ErrorKind::Interrupted.into()) } else { self.0.read(&mut buffer[..1]) }
        }
    }

    #[test]
    fn who_is_interrupted_goes_on() {
        let file = [member("one"), vec![0; 9], member("two")].concat();
        let mut out = String::new();
        let file = io::BufReader::with_capacity(1, Interrupted(&file, false));
        Members::new(file).read_to_string(&mut out).unwrap();
        assert_eq!(out, "onetwo");
    }

    #[test]
    fn anything_else_behind_them_is_damage() {
        let one = member("one");
        assert!(read(&[&one[..], b"more"].concat()).is_err());
        assert!(read(&[&one[..], &[0; 9], b"more"].concat()).is_err());
        assert!((0..one.len()).all(|length| read(&one[..length]).is_err()));
    }
}
