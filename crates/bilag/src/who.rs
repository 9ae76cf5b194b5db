//! Who acts, and on which machine.

use rustix::system::uname;

/// Who acts: as told, else the user of this machine.
pub fn who(told: Option<&str>) -> String {
    if let Some(who) = told {
        return who.to_owned();
    }
    let user = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    format!("{}@{}", user.as_deref().unwrap_or("somebody"), host())
}

/// This machine's name. Asked of the kernel itself: a unit that is shut off sees little of `/proc`.
pub fn host() -> String {
    uname().nodename().to_string_lossy().into_owned()
}
