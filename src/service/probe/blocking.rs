//! Looks that may hang in the kernel, as at a file on a server that does not answer.
//!
//! Such a thread cannot be ended, only be left behind. Whoever looks, as each probe does, has one permit, which goes with the thread:
//! as long as the thread hangs there is no other one, however often it is due. None of the runtime's threads is used for it: they
//! are few, and the ledger is written by them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};

/// The permit of whoever looks.
#[derive(Clone, Debug)]
pub(in crate::service) struct Permit(Arc<Semaphore>);

impl Permit {
    pub(in crate::service) fn new() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }

    /// Runs `look` on a thread of its own for at most `limit`. `what` names in errors what it looks at.
    ///
    /// # Errors
    /// What `look` returned, or that it does not end: this one, or one of an earlier run.
    pub(in crate::service) async fn run<T: Send + 'static>(
        &self,
        what: &str,
        limit: Duration,
        look: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let deadline = Instant::now() + limit;
        // An earlier look that nobody waits for any more has not hung for that: it may be about to end.
        let Ok(Ok(held)) = timeout_at(deadline, Arc::clone(&self.0).acquire_owned()).await else {
            return Err(format!("an earlier look at {what} still hangs"));
        };
        let (tell, told) = oneshot::channel();
        let thread = move || {
            let result = look();
            drop(held);
            let _ = tell.send(result);
        };
        let spawned = std::thread::Builder::new().name("look".to_owned()).spawn(thread);
        spawned.map_err(|error| format!("{what} could not be looked at: {error}"))?;
        match timeout_at(deadline, told).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(format!("the look at {what} broke off")),
            Err(_) => Err(format!("{what} could not be looked at within {limit:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    #[tokio::test]
    async fn a_probe_leaves_one_hanging_thread_at_most_and_says_so() {
        let permit = Permit::new();
        let threads = Arc::new(AtomicUsize::new(0));
        let (release, hang) = mpsc::channel::<()>();
        let (begins, begun) = mpsc::channel::<()>();
        let counted = Arc::clone(&threads);
        let limit = Duration::from_millis(1);
        let first = permit.run("/net/x", limit, move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = begins.send(());
            let _ = hang.recv();
            Ok("at last".to_owned())
        });
        assert_eq!(first.await, Err("/net/x could not be looked at within 1ms".to_owned()));
        // The limit may be over before the thread has begun.
        begun.recv().unwrap();
        for _ in 0..100 {
            let counted = Arc::clone(&threads);
            let next = permit.run("/net/x", limit, move || {
                counted.fetch_add(1, Ordering::SeqCst);
                Ok("another".to_owned())
            });
            assert_eq!(next.await, Err("an earlier look at /net/x still hangs".to_owned()));
        }
        assert_eq!(threads.load(Ordering::SeqCst), 1);
        drop(release);
        let _free = permit.0.acquire().await.unwrap();
    }

    #[test]
    fn looks_that_hang_leave_the_threads_of_the_runtime_to_others() {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().max_blocking_threads(1).build().unwrap();
        let (release, hang) = mpsc::channel::<()>();
        let written = runtime.block_on(async {
            let look = move || hang.recv().map_err(|error| error.to_string());
            assert!(Permit::new().run("/net/x", Duration::from_millis(1), look).await.is_err());
            timeout_at(Instant::now() + Duration::from_secs(20), tokio::task::spawn_blocking(|| ())).await
        });
        drop(release);
        runtime.shutdown_background();
        assert!(written.is_ok());
    }

    #[tokio::test]
    async fn a_look_that_nobody_waits_for_any_more_does_not_count_as_hanging() {
        let permit = Permit::new();
        let (begins, begun) = mpsc::channel::<()>();
        let (release, goes_on) = mpsc::channel::<()>();
        let look = move || {
            let _ = begins.send(());
            goes_on.recv().map_err(|error| error.to_string())
        };
        let cut_short = tokio::time::timeout(Duration::ZERO, permit.run("/net/x", Duration::from_secs(20), look));
        assert!(cut_short.await.is_err());
        begun.recv().unwrap();
        let next = permit.run("/net/x", Duration::from_secs(20), || Ok("seen"));
        let (seen, _) = tokio::join!(next, async { release.send(()) });
        assert_eq!(seen, Ok("seen"));
    }
}
