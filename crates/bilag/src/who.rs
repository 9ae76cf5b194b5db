//! Who acts, for the audit log.

/// Who acts: as told, else the user of this machine.
pub fn who(told: Option<&str>) -> String {
    if let Some(who) = told {
        return who.to_owned();
    }
    let user = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}@{}", user.as_deref().unwrap_or("somebody"), host.trim())
}
