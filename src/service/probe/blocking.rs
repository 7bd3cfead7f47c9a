//! Looks that may hang in the kernel, as at a file on a server that does not answer.
//!
//! Such a thread cannot be ended, only be left behind. Each probe has one permit, which goes with the thread: as long as the
//! thread hangs there is no other one of that probe, however often it is due.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// The permit of one probe.
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
    pub(in crate::service) async fn run(
        &self,
        what: &str,
        limit: Duration,
        look: impl FnOnce() -> Result<String, String> + Send + 'static,
    ) -> Result<String, String> {
        let Ok(held) = Arc::clone(&self.0).try_acquire_owned() else {
            return Err(format!("an earlier look at {what} still hangs"));
        };
        let thread = spawn_blocking(move || {
            let result = look();
            drop(held);
            result
        });
        match timeout(limit, thread).await {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => Err(format!("{what}: {error}")),
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
}
