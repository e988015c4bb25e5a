//! Removing what a member used, once nobody needs it any more.

use std::io;

use katonic_member::{Launch, MemberDir, remove_folder};

/// Removes the attempt's folder, then the member's directory: while that is
/// there, a crash in between is made up for.
pub fn all(member: &MemberDir, launch: &Launch) -> io::Result<()> {
    remove_folder(&launch.folder)?;
    member.remove().map_err(io::Error::other)
}
