//! What a start would need, as far as that can be known before.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{Prepared, driver};
use crate::regular_file;

/// How long it may take to look. A check of the service waits for it.
const LIMIT: Duration = Duration::from_secs(1);

impl Prepared {
    /// What is missing for a start, for people; `None` if nothing is.
    ///
    /// The files may be on a server that does not answer, so they are looked at on a thread of their own, and not for ever.
    pub async fn lacks(self: &Arc<Self>) -> Option<String> {
        let service = Arc::clone(self);
        let look = move || {
            let driver = service.settings.driver.as_ref().and_then(driver::lacks);
            let files = service.settings.ready.iter().filter_map(|path| lacks(path));
            let lacks: Vec<String> = driver.into_iter().chain(files).collect();
            if lacks.is_empty() { Ok(String::new()) } else { Err(lacks.join("; ")) }
        };
        self.needs.run("what a start needs", LIMIT, look).await.err()
    }
}

fn lacks(path: &Path) -> Option<String> {
    let error = regular_file::open(path).err()?;
    let io = std::io::Error::from(error);
    let shown = path.display();
    Some(match io.kind() {
        std::io::ErrorKind::NotFound => format!("{shown} is missing"),
        _ => format!("{shown} cannot be read: {io}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_or_cannot_be_read_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cert.pem");
        assert_eq!(lacks(&path), Some(format!("{} is missing", path.display())));
        std::fs::write(&path, "").unwrap();
        assert_eq!(lacks(&path), None);
        assert!(lacks(directory.path()).is_some_and(|text| text.ends_with("it is not a regular file")));
    }
}
