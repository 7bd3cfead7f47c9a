//! Looks at the age of a file that a service, or a job beside it, writes again and again.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::blocking::Permit;
use crate::config::duration::Shown;

pub(super) async fn look(permit: &Permit, path: PathBuf, max_age: Duration, limit: Duration) -> Result<String, String> {
    let shown = path.display().to_string();
    permit.run(&shown, limit, move || judge(&path, max_age, SystemTime::now())).await
}

fn judge(path: &Path, max_age: Duration, now: SystemTime) -> Result<String, String> {
    let shown = path.display();
    let modified = std::fs::metadata(path).and_then(|meta| meta.modified()).map_err(|e| format!("{shown}: {e}"))?;
    let Ok(age) = now.duration_since(modified) else {
        // Written just now by a clock that is a moment ahead, or by one that was wrong: only the latter lasts.
        let ahead = modified.duration_since(now).unwrap_or_default();
        return if ahead <= max_age {
            Ok(format!("{shown} is fresh"))
        } else {
            Err(format!("{shown} was changed {} in the future; set the clock", seconds(ahead)))
        };
    };
    if age <= max_age {
        Ok(format!("{shown} is {} old", seconds(age)))
    } else {
        Err(format!("{shown} is {} old, more than {}", seconds(age), Shown(max_age)))
    }
}

fn seconds(span: Duration) -> Shown {
    Shown(Duration::from_secs(span.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_longer_written_is_unhealthy_and_so_is_a_missing_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("beat");
        let limit = Duration::from_secs(60);
        assert!(judge(&path, limit, SystemTime::now()).unwrap_err().contains("beat"));
        std::fs::write(&path, "").unwrap();
        let written = std::fs::metadata(&path).unwrap().modified().unwrap();
        assert!(judge(&path, limit, written + limit).is_ok());
        assert!(judge(&path, limit, written + limit * 2).unwrap_err().ends_with("is 2m old, more than 1m"));
        assert!(judge(&path, limit, written - limit).is_ok());
        assert!(judge(&path, limit, written - limit * 2).unwrap_err().contains("in the future"));
    }
}
