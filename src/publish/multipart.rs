//! An archive on its way to an object store.
//!
//! Parts go out as they fill up, a few at a time, so that memory is bounded and
//! the packer is never ahead of the network by more than that. Nobody sees an
//! object before the last request. An archive that is smaller than a part is
//! put in one request, which alone can be made conditional.

use std::io::{self, Write};
use std::time::Duration;

use object_store::{MultipartUpload, ObjectStore, PutMode, PutOptions, PutPayload};
use tokio::task::JoinSet;

use super::answer::{Answer, Fault};
use super::backend::Sink;
use super::error::Error;
use super::object::{ObjectDirectory, attributes};
use crate::artifact::ContentDigest;
use crate::fs::OnExisting;

/// Parts on their way at the same time.
const IN_FLIGHT: usize = 4;

/// The size of the first parts, in bytes.
const PART: usize = 8 << 20;

/// How long parts under way may take to arrive when an upload is given up, and
/// how long a server may need to notice that one was cut off.
const PATIENCE: Duration = Duration::from_secs(5);
const SETTLE: Duration = Duration::from_secs(1);

/// How many parts have the same size before it doubles. A store takes 10,000
/// parts of up to 5 GiB: so 8 MiB each would end at 80 GB, this at 500 GB. Some
/// stores (R2) want parts of one size, and get them up to 16 GB.
const PARTS_PER_SIZE: u32 = 2000;

pub(super) struct MultipartSink {
    directory: ObjectDirectory,
    name: String,
    digest: ContentDigest,
    on_existing: OnExisting,
    /// The part that is being filled.
    buffer: Vec<u8>,
    /// Parts that were handed on.
    sent: u32,
    /// Begun with the first full part; gone once it is completed or aborted.
    upload: Option<Box<dyn MultipartUpload>>,
    in_flight: JoinSet<object_store::Result<()>>,
    /// What made a write fail.
    failure: Option<Error>,
}

impl MultipartSink {
    pub fn new(
        directory: ObjectDirectory,
        name: &str,
        digest: ContentDigest,
        on_existing: OnExisting,
    ) -> Self {
        MultipartSink {
            directory,
            name: name.to_owned(),
            digest,
            on_existing,
            buffer: Vec::new(),
            sent: 0,
            upload: None,
            in_flight: JoinSet::new(),
            failure: None,
        }
    }

    fn send_part(&mut self) -> Result<(), Error> {
        while self.in_flight.len() >= IN_FLIGHT {
            self.wait_for_a_part()?;
        }
        if self.upload.is_none() {
            let patient = &self.directory.patient;
            self.upload = Some(self.directory.begin(patient, &self.name, attributes(self.digest))?);
        }
        let Some(upload) = &mut self.upload else { unreachable!("begun above") };
        let part = upload.put_part(std::mem::take(&mut self.buffer).into());
        self.in_flight.spawn_on(part, self.directory.network.handle());
        self.sent += 1;
        Ok(())
    }

    fn wait_for_a_part(&mut self) -> Result<(), Error> {
        match self.directory.network.wait(self.in_flight.join_next())? {
            Some(Ok(Err(error))) => Err(self.directory.failed("upload to", &self.name, &error)),
            Some(Err(panic)) => std::panic::resume_unwind(panic.into_panic()),
            Some(Ok(Ok(()))) | None => Ok(()),
        }
    }

    /// Sends what is left and makes the object visible.
    fn complete(&mut self, size: u64) -> Result<(), Error> {
        if !self.buffer.is_empty() {
            self.send_part()?;
        }
        while !self.in_flight.is_empty() {
            self.wait_for_a_part()?;
        }
        // There is no conditional completion: this is the last moment to look.
        if self.on_existing == OnExisting::Refuse && self.is_taken(size)? == Taken::BySame {
            self.give_up();
            return Ok(());
        }
        let Some(upload) = &mut self.upload else { unreachable!("completed once") };
        match self.directory.network.wait(upload.complete())? {
            Ok(_) => {
                self.upload = None;
                Ok(())
            }
            // The answer to an earlier try may have been lost.
            Err(error) => match self.is_taken(size) {
                Ok(Taken::BySame) => {
                    self.upload = None;
                    Ok(())
                }
                _ => Err(self.directory.failed("complete the upload to", &self.name, &error)),
            },
        }
    }

    /// Puts a small archive in one request.
    fn put(&mut self) -> Result<(), Error> {
        let payload = PutPayload::from(std::mem::take(&mut self.buffer));
        let size = payload.content_length() as u64;
        let mut mode = match self.on_existing {
            OnExisting::Refuse => PutMode::Create,
            OnExisting::Replace => PutMode::Overwrite,
        };
        loop {
            let error = match self.put_once(payload.clone(), mode.clone())? {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            match Answer::of(&error).fault {
                // Of another upload, or of ours, if the answer to an earlier try was lost.
                Fault::Exists if mode == PutMode::Create => {
                    return match self.is_taken(size)? {
                        Taken::BySame => Ok(()),
                        Taken::No => Err(self.directory.failed("write", &self.name, &error)),
                    };
                }
                // A store without conditional requests: look, then write.
                Fault::Unsupported if mode == PutMode::Create => {
                    if self.is_taken(size)? == Taken::BySame {
                        return Ok(());
                    }
                    mode = PutMode::Overwrite;
                }
                _ => return Err(self.directory.failed("write", &self.name, &error)),
            }
        }
    }

    fn put_once(&self, payload: PutPayload, mode: PutMode) -> Result<object_store::Result<()>, Error> {
        let options = PutOptions { mode, attributes: attributes(self.digest), ..PutOptions::default() };
        let key = self.directory.key(&self.name);
        let put = self.directory.patient.put_opts(&key, payload, options);
        Ok(self.directory.network.wait(put)?.map(drop))
    }

    /// Whether the name is taken, by an object with our digest; another one is
    /// an error.
    fn is_taken(&self, size: u64) -> Result<Taken, Error> {
        match self.directory.find_with(self.directory.patient.as_ref(), &self.name)? {
            None => Ok(Taken::No),
            Some(found) if found.size == size && found.content_digest == Some(self.digest) => {
                Ok(Taken::BySame)
            }
            Some(_) => Err(self.directory.exists(&self.name)),
        }
    }

    /// Waits for the parts under way, then tells the store to forget them all.
    /// A part that was cut off may still arrive, and S3 keeps what arrives after
    /// an abort; so one that takes too long is followed by another abort.
    fn give_up(&mut self) {
        let Some(mut upload) = self.upload.take() else { return };
        let in_flight = &mut self.in_flight;
        self.directory.network.wait_briefly(async {
            let arrive = async { while in_flight.join_next().await.is_some() {} };
            let arrived = tokio::time::timeout(PATIENCE, arrive).await.is_ok();
            in_flight.shutdown().await;
            let _ = upload.abort().await;
            if !arrived {
                tokio::time::sleep(SETTLE).await;
                let _ = upload.abort().await;
            }
        });
    }
}

#[derive(PartialEq, Eq)]
enum Taken {
    No,
    BySame,
}

impl Write for MultipartSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(failure) = &self.failure {
            return Err(io::Error::other(failure.to_string()));
        }
        let size = part_size(self.sent);
        if self.buffer.capacity() == 0 {
            self.buffer.reserve_exact(size);
        }
        let taken = bytes.len().min(size - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == size
            && let Err(error) = self.send_part()
        {
            let told = io::Error::other(error.to_string());
            self.failure = Some(error);
            return Err(told);
        }
        Ok(taken)
    }

    /// A part that isn't full stays: stores refuse small ones.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for MultipartSink {
    fn commit(mut self: Box<Self>, size: u64, _: [u8; 32]) -> Result<(), Error> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        if self.upload.is_some() { self.complete(size) } else { self.put() }
    }

    fn abort(mut self: Box<Self>) -> Option<Error> {
        self.give_up();
        self.failure.take()
    }
}

/// For whoever forgets to finish or abort; waits for the network.
impl Drop for MultipartSink {
    fn drop(&mut self) {
        self.give_up();
    }
}

/// The size of the part with this index, in bytes.
fn part_size(index: u32) -> usize {
    PART << (index / PARTS_PER_SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_so_that_ten_thousand_hold_any_archive() {
        assert_eq!(part_size(0), 8 << 20);
        assert_eq!(part_size(1999), 8 << 20);
        assert_eq!(part_size(2000), 16 << 20);
        let most: u64 = (0..10_000).map(|index| part_size(index) as u64).sum();
        assert!(most > 500 * 1000 * 1000 * 1000);
    }
}
