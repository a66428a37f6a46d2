//! Work on all cores whose results are taken in order.
//!
//! The calling thread hands out jobs and takes results; no more jobs are under
//! way than hold a few times the largest of them, so memory is bounded however
//! slowly results are taken, and many small jobs keep all threads busy while a
//! large one is waited for. The first error from anywhere ends it: threads
//! finish the job that they are at and stop.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use crossbeam_channel::bounded;

use super::error::Error;
use crate::error::Result;
use crate::interrupt;
use crate::parallel;

/// What jobs and their results may hold if nobody says how many threads there
/// are, in bytes: machines with many cores have little memory for each.
const MOST_HELD: u64 = 80 << 20;

/// Who works, and on how much at a time.
pub(super) struct Crew {
    /// 0 means one for each core, as far as there is memory for them.
    pub threads: usize,
    /// What the largest job holds, in bytes.
    pub largest: u64,
}

impl Crew {
    /// How many threads there are.
    pub(super) fn size(&self) -> usize {
        let threads = parallel::count(self.threads);
        if self.threads > 0 || self.largest == 0 {
            return threads;
        }
        let fit = usize::try_from(MOST_HELD / (2 * self.largest)).unwrap_or(threads);
        threads.min(fit.max(1))
    }
}

/// What is to be done, and about how many bytes of memory it and its result
/// hold until that is taken.
pub(super) struct Job<J> {
    pub what: J,
    pub holds: u64,
}

impl<J> Job<J> {
    /// One that holds next to nothing.
    pub(super) fn light(what: J) -> Self {
        Job { what, holds: 0 }
    }
}

/// Does `jobs` on the threads of a crew, each with a state of its own, and
/// passes what they give to `take` in the order of the jobs.
pub(super) fn in_order<J: Send, S, T: Send>(
    jobs: impl Iterator<Item = Result<Job<J>>>,
    crew: &Crew,
    state: impl Fn() -> Result<S> + Sync,
    work: impl Fn(&mut S, J) -> Result<T> + Sync,
    mut take: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    let threads = crew.size();
    let most = 8 * threads;
    // Half as many of the largest jobs as there are threads may be done, and wait for one that takes longer.
    let room = (threads + threads / 2 + 1) as u64 * crew.largest;
    let (give, jobs_of_workers) = bounded::<(usize, J)>(most);
    let (done, results) = bounded(most);
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
                    let failed = !matches!(result, Ok(Ok(_)));
                    // After a failure its state may hold a part of what the job was about.
                    if done.send((number, result)).is_err() || failed {
                        break;
                    }
                }
            };
            thread::Builder::new().spawn_scoped(scope, worker).map_err(Error::Threads)?;
        }
        drop((jobs_of_workers, done));
        let mut jobs = jobs.fuse().peekable();
        let mut early = BTreeMap::new();
        // What the jobs that are under way hold: the first of them is the one to be taken next.
        let (mut taken, mut under_way, mut held) = (0, VecDeque::new(), 0);
        loop {
            while under_way.len() < most
                && let Some(job) = jobs.next_if(|job| match job {
                    Ok(job) => under_way.is_empty() || held + job.holds <= room,
                    Err(_) => true,
                })
            {
                interrupt::check()?;
                let Job { what, holds } = job?;
                give.send((taken + under_way.len(), what)).expect("workers wait for jobs");
                under_way.push_back(holds);
                held += holds;
            }
            let Some(holds) = under_way.pop_front() else { return Ok(()) };
            while !early.contains_key(&taken) {
                let (number, result) = results.recv().expect("workers answer every job");
                early.insert(number, result.unwrap_or_else(|panic| resume_unwind(panic))?);
            }
            if let Some(result) = early.remove(&taken) {
                take(result)?;
            }
            taken += 1;
            held -= holds;
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use super::*;

    fn numbers(count: usize) -> impl Iterator<Item = Result<Job<usize>>> {
        (0..count).map(|number| Ok(Job::light(number)))
    }

    fn crew(threads: usize) -> Crew {
        Crew { threads, largest: 0 }
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
            &crew(4),
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

    /// How many jobs, each of which holds so much, are begun while the first is
    /// waited for, which ends a moment after so many were.
    fn begun_meanwhile(expected: usize, crew: &Crew, holds: impl Fn(usize) -> u64) -> usize {
        let (begun, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let jobs = (0..100).map(|number| Ok(Job { what: number, holds: holds(number) }));
        let work = |(): &mut (), number: usize| {
            begun.fetch_add(1, Ordering::SeqCst);
            if number == 0 {
                let deadline = Instant::now() + Duration::from_mins(1);
                while begun.load(Ordering::SeqCst) < expected && Instant::now() < deadline {
                    thread::yield_now();
                }
                thread::sleep(Duration::from_millis(50));
                most.store(begun.load(Ordering::SeqCst), Ordering::SeqCst);
            }
            Ok(())
        };
        in_order(jobs, crew, || Ok(()), work, |()| Ok(())).unwrap();
        most.into_inner()
    }

    #[test]
    fn of_the_largest_jobs_there_are_no_more_than_memory_has_room_for() {
        let size = |threads, largest| Crew { threads, largest }.size();
        assert_eq!(size(0, 0), parallel::count(0));
        assert_eq!(size(0, 40 << 20), 1);
        assert_eq!(size(0, 400 << 20), 1);
        assert_eq!(size(5, 400 << 20), 5, "who asks for more gets more");
    }

    #[test]
    fn small_jobs_are_done_while_a_large_one_is_waited_for() {
        let crew = Crew { threads: 2, largest: 10 };
        assert_eq!(begun_meanwhile(4, &crew, |_| 10), 4);
        assert_eq!(begun_meanwhile(16, &crew, |number| if number == 0 { 10 } else { 1 }), 16);
        assert_eq!(begun_meanwhile(16, &crew, |_| 0), 16);
    }

    #[test]
    fn an_error_of_a_worker_ends_it() {
        let done = AtomicUsize::new(0);
        let work = |(): &mut (), number: usize| {
            done.fetch_add(1, Ordering::SeqCst);
            if number == 3 { Err(io::Error::other("full").into()) } else { Ok(number) }
        };
        let error = in_order(numbers(10_000), &crew(3), || Ok(()), work, |_| Ok(())).unwrap_err();
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
        let error = in_order(numbers(10_000), &crew(3), || Ok(()), work, take).unwrap_err();
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
        let _ = in_order(numbers(1000), &crew(2), || Ok(()), work, |_| Ok(()));
    }
}
