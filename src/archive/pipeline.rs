//! Work on all cores whose results are taken in order.
//!
//! The calling thread hands out jobs and takes results; no more than a few
//! jobs are under way, so memory is bounded however slowly results are taken.
//! The first error from anywhere ends it: threads finish the job that they are
//! at and stop.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use crossbeam_channel::bounded;

use super::error::Error;
use crate::error::Result;
use crate::interrupt;

/// Does `jobs` on `threads` threads (0: all cores), each with a state of its
/// own, and passes what they give to `take` in the order of the jobs.
pub(super) fn in_order<J: Send, S, T: Send>(
    jobs: impl Iterator<Item = Result<J>>,
    threads: usize,
    state: impl Fn() -> Result<S> + Sync,
    work: impl Fn(&mut S, J) -> Result<T> + Sync,
    mut take: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let threads = cores(threads);
    // More waiting results take memory and no time less.
    let ahead = threads + 2;
    let (give, jobs_of_workers) = bounded::<(usize, J)>(ahead);
    let (done, results) = bounded(ahead);
    thread::scope(|scope| {
        // Both ends live in here, so that an early return frees the threads.
        let (give, results) = (give, results);
        for _ in 0..threads {
            let (jobs, done) = (jobs_of_workers.clone(), done.clone());
            let (state, work) = (&state, &work);
            let worker = move || {
                let mut own = None;
                for (number, job) in jobs {
                    // A panic has to reach the caller, who waits for this result.
                    let result = catch_unwind(AssertUnwindSafe(|| {
                        interrupt::check()?;
                        let own = match &mut own {
                            Some(own) => own,
                            none => none.insert(state()?),
                        };
                        work(own, job)
                    }));
                    if done.send((number, result)).is_err() {
                        break;
                    }
                }
            };
            thread::Builder::new().spawn_scoped(scope, worker).map_err(Error::Threads)?;
        }
        drop((jobs_of_workers, done));
        let mut jobs = jobs.fuse();
        let mut early = BTreeMap::new();
        let (mut given, mut taken) = (0, 0);
        loop {
            while given < taken + ahead
                && let Some(job) = jobs.next()
            {
                interrupt::check()?;
                give.send((given, job?)).expect("workers wait for jobs");
                given += 1;
            }
            if taken == given {
                return Ok(());
            }
            while !early.contains_key(&taken) {
                let (number, result) = results.recv().expect("workers answer every job");
                early.insert(number, result.unwrap_or_else(|panic| resume_unwind(panic))?);
            }
            if let Some(result) = early.remove(&taken) {
                take(result)?;
            }
            taken += 1;
        }
    })
}

/// The number of threads that `threads` stands for.
pub(super) fn cores(threads: usize) -> usize {
    if threads > 0 { threads } else { thread::available_parallelism().map_or(1, usize::from) }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    fn numbers(count: usize) -> impl Iterator<Item = Result<usize>> {
        (0..count).map(Ok)
    }

    #[test]
    fn results_come_in_the_order_of_the_jobs() {
        let mut found = Vec::new();
        let work = |(): &mut (), number: usize| {
            thread::sleep(Duration::from_micros((number * 7919 % 13) as u64 * 50));
            Ok(number)
        };
        in_order(
            numbers(200),
            4,
            || Ok(()),
            work,
            |number| {
                found.push(number);
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(found, (0..200).collect::<Vec<_>>());
    }

    #[test]
    fn an_error_of_a_worker_ends_it() {
        let done = AtomicUsize::new(0);
        let work = |(): &mut (), number: usize| {
            done.fetch_add(1, Ordering::SeqCst);
            if number == 3 { Err(io::Error::other("full").into()) } else { Ok(number) }
        };
        let error = in_order(numbers(10_000), 3, || Ok(()), work, |_| Ok(())).unwrap_err();
        assert_eq!(error.to_string(), "full");
        assert!(done.load(Ordering::SeqCst) < 100);
    }

    #[test]
    fn an_error_of_the_taker_ends_it() {
        let done = AtomicUsize::new(0);
        let work = |(): &mut (), number: usize| {
            done.fetch_add(1, Ordering::SeqCst);
            Ok(number)
        };
        let take = |_| Err(io::Error::other("disk full").into());
        let error = in_order(numbers(10_000), 3, || Ok(()), work, take).unwrap_err();
        assert_eq!(error.to_string(), "disk full");
        assert!(done.load(Ordering::SeqCst) < 100);
    }

    #[test]
    #[should_panic(expected = "a defect")]
    fn a_panic_of_a_worker_reaches_the_caller() {
        let work = |(): &mut (), number: usize| -> Result<usize> {
            assert!(number != 5, "a defect");
            Ok(number)
        };
        let _ = in_order(numbers(1000), 2, || Ok(()), work, |_| Ok(()));
    }
}
