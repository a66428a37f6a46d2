//! How many threads there are, and how work is shared out to them.

use std::sync::{Mutex, PoisonError};
use std::thread;

/// No more threads than this are started unless somebody asks for them: so many
/// read and compress faster than disks do, and each takes some megabytes.
const MOST: usize = 16;

/// The number of threads that `threads` stands for: 0 means one for each core,
/// but no more than [`MOST`].
pub(crate) fn count(threads: usize) -> usize {
    if threads > 0 { threads } else { thread::available_parallelism().map_or(1, usize::from).min(MOST) }
}

/// How many files, folders or lists of files a thread of rayon's pool is given
/// at a time. By itself rayon gives a thread a large part of all, and nobody
/// takes over what it doesn't get to: the others wait for it in the end.
pub(crate) const AT_ONCE: usize = 4;

/// Does all jobs, in any order, on the threads of rayon's pool but no more than
/// `most` of them, each with a state of its own.
///
/// # Errors
/// One of those that occurred; once it has, no further job is begun.
pub(crate) fn each<J: Send, S, E: Send>(
    jobs: Vec<J>,
    most: usize,
    state: impl Fn() -> Result<S, E> + Sync,
    work: impl Fn(&mut S, J) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let jobs = Mutex::new(jobs.into_iter());
    let lock = || jobs.lock().unwrap_or_else(PoisonError::into_inner);
    let next = || lock().next();
    let work_on = || -> Result<(), E> {
        let mut state = state()?;
        while let Some(job) = next() {
            work(&mut state, job)?;
        }
        Ok(())
    };
    let done = rayon::broadcast(|thread| {
        let done = if thread.index() < most { work_on() } else { Ok(()) };
        done.inspect_err(|_| lock().by_ref().for_each(drop))
    });
    done.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn every_job_is_done_by_no_more_threads_than_asked_for() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
        let (states, sum) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let state = || Ok::<_, ()>(states.fetch_add(1, Ordering::SeqCst));
        let work = |_: &mut usize, job| {
            sum.fetch_add(job, Ordering::SeqCst);
            Ok(())
        };
        pool.install(|| each((0..1000).collect(), 3, state, work)).unwrap();
        assert_eq!(sum.into_inner(), 999 * 500);
        assert_eq!(states.into_inner(), 3);
    }

    #[test]
    fn an_error_ends_it() {
        let done = AtomicUsize::new(0);
        let work = |(): &mut (), job| {
            done.fetch_add(1, Ordering::SeqCst);
            if job == 3 { Err("broken") } else { Ok(()) }
        };
        assert_eq!(each((0..1_000_000).collect(), 2, || Ok(()), work), Err("broken"));
        assert!(done.into_inner() < 1_000_000);
    }
}
