//! Ctrl-C, seen by every stage.
//!
//! A signal belongs to the process, so the flag does too. Threads call
//! [`check`] between units of work and asynchronous code is wrapped by
//! [`race`]; both unwind through ordinary errors, so that whoever staged a
//! file, a folder or an upload removes it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Explain, Kind};

/// Signals that come within this time are one wish to stop.
const TOGETHER: Duration = Duration::from_secs(1);

/// Sent when a file grows beyond `ulimit -f`: its number on Linux and macOS.
const SIGXFSZ: i32 = 25;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
static WAKE: tokio::sync::Notify = tokio::sync::Notify::const_new();

/// The user pressed Ctrl-C.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

impl Explain for Interrupted {
    fn kind(&self) -> Kind {
        Kind::Interrupted
    }
}

/// Remembers that the user wants to stop, and wakes all that [`race`].
pub fn raise() {
    INTERRUPTED.store(true, Ordering::SeqCst);
    WAKE.notify_waiters();
}

/// Fails once the user has pressed Ctrl-C.
///
/// # Errors
/// [`Interrupted`], from then on.
pub fn check() -> Result<(), Interrupted> {
    if INTERRUPTED.load(Ordering::SeqCst) { Err(Interrupted) } else { Ok(()) }
}

/// Runs `work` until it ends or the user presses Ctrl-C.
///
/// # Errors
/// [`Interrupted`] if Ctrl-C came first; `work` is dropped then.
pub async fn race<T>(work: impl Future<Output = T>) -> Result<T, Interrupted> {
    let woken = WAKE.notified();
    tokio::pin!(woken);
    woken.as_mut().enable();
    check()?;
    tokio::select! {
        () = woken => Err(Interrupted),
        result = work => Ok(result),
    }
}

/// Raises the flag at SIGINT, SIGTERM and SIGHUP; another one ends the process
/// at once, but not if it comes with the first: `timeout` and terminals signal
/// both a process and its group.
///
/// # Errors
/// If the signals can't be listened to.
pub fn listen() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut interrupts, mut terminations, mut hangups) = {
        let _entered = runtime.enter();
        // Once somebody listens, a file that grows beyond its limit is an error and not the end.
        let _ = signal(SignalKind::from_raw(SIGXFSZ))?;
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, signal(SignalKind::hangup())?)
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            let mut first = None;
            loop {
                tokio::select! {
                    _ = interrupts.recv() => {}
                    _ = terminations.recv() => {}
                    _ = hangups.recv() => {}
                }
                match first {
                    None => first = Some(Instant::now()),
                    Some(first) if first.elapsed() < TOGETHER => continue,
                    Some(_) => std::process::exit(Kind::Interrupted.exit_code().into()),
                }
                raise();
            }
        });
    })?;
    Ok(())
}
