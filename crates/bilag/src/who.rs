//! Who acts, and on which machine.

use rustix::system::uname;

/// Who acts: as given, else the user of this machine.
pub fn who(given: Option<&str>) -> String {
    if let Some(who) = given {
        return who.to_owned();
    }
    let user = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    format!("{}@{}", user.as_deref().unwrap_or("somebody"), host())
}

/// This machine's name. Asked of the kernel itself: a unit that is shut off sees little of `/proc`.
pub fn host() -> String {
    uname().nodename().to_string_lossy().into_owned()
}
