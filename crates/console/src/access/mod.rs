//! Who may look, and what they may do.

mod door;
mod form;
mod require;
mod user;

pub(crate) use door::{Door, through_the_door};
pub(crate) use require::require_viewer;

pub use form::Checked;
pub use user::{Role, User, Viewer};

/// Who may look.
#[derive(Clone, Debug)]
pub struct Access {
    /// How people come to be known.
    pub way: Way,
    /// The address that browsers use, where it is not the one listened on.
    pub outside: Option<Outside>,
}

impl Access {
    /// Whether browsers come by https.
    pub(crate) fn is_https(&self) -> bool {
        self.outside.as_ref().is_some_and(|outside| outside.origin.starts_with("https://"))
    }
}

/// How people come to be known.
#[derive(Clone, Debug)]
pub enum Way {
    /// Nobody logs in: everybody on this machine has this role. For loopback only.
    Anonymous(Role),
}

/// The address that browsers use: `https://bilag.example`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// Scheme, host and port, without a slash at the end.
    pub(crate) origin: String,
    /// Host and port as browsers send them.
    pub(crate) host: String,
}
