//! Removing what a member used, once nobody needs it any more.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

use katonic_member::{Launch, MemberDir};

/// Removes the attempt's folder, then the member's directory: while that is
/// there, a crash in between is made up for.
pub fn all(member: &MemberDir, launch: &Launch) -> io::Result<()> {
    folder(&launch.folder)?;
    member.remove().map_err(io::Error::other)
}

/// Removes a folder that user code may have closed against its owner.
pub fn folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(path)?;
            fs::remove_dir_all(path)
        }
        removed => removed,
    }
}

/// Makes every folder below passable; links are left alone.
fn open_up(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_folder_is_removed_and_a_link_is_not_followed() {
        let folder_of_test = tempfile::tempdir().expect("a folder");
        let attempt = folder_of_test.path().join("attempt");
        let outside = folder_of_test.path().join("outside");
        fs::create_dir_all(attempt.join("closed/inner")).expect("folders");
        fs::create_dir(&outside).expect("a folder");
        std::os::unix::fs::symlink(&outside, attempt.join("link")).expect("linked");
        fs::set_permissions(attempt.join("closed"), fs::Permissions::from_mode(0o000)).expect("closed");
        folder(&attempt).expect("removed");
        folder(&attempt).expect("removed again");
        assert!(!attempt.exists() && outside.exists());
    }
}
