//! Settings that cannot be used, and those that are secret.

use std::path::Path;

use amqp::BoxError;
use http_client::Secret;

/// A setting that cannot be used: the process ends with exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// One whose error does not say which it is.
    #[error("{setting}")]
    Named {
        /// The variable.
        setting: &'static str,
        /// What is wrong with it, never its value.
        #[source]
        source: BoxError,
    },
    /// One whose error says it all.
    #[error(transparent)]
    Described(BoxError),
}

impl SettingError {
    /// Names the variable and what is wrong with it, never its value.
    pub fn named(setting: &'static str, problem: impl Into<BoxError>) -> Self {
        Self::Named { setting, source: problem.into() }
    }

    /// The error names the variable.
    pub fn described(problem: impl Into<BoxError>) -> Self {
        Self::Described(problem.into())
    }
}

/// The value of a setting without which there is nothing to be done; empty counts as not set.
pub fn needed<'a>(
    setting: &'static str,
    value: &'a Option<String>,
    what_for: &str,
) -> Result<&'a str, SettingError> {
    match value.as_deref() {
        Some(value) if !value.is_empty() => Ok(value),
        _ => Err(SettingError::named(setting, format!("needed {what_for}, and not set"))),
    }
}

/// Declares the arguments of a secret: a variable with its flag, and those of a file to read it from, which have
/// the same names with `_FILE` and `-file`. The struct's `Debug` shows neither.
///
/// ```
/// consumer::secret_args! {
///     struct Token("EXAMPLE_TOKEN", "example-token", "TOKEN");
///     help: "API token; prefer the variable to the flag";
///     file_help: "File to read the token from, reread when it changes";
/// }
///
/// #[derive(Debug, clap::Parser)]
/// struct Cli {
///     #[command(flatten)]
///     token: Token,
/// }
///
/// let cli = <Cli as clap::Parser>::parse_from(["example", "--example-token", "hush"]);
/// assert!(cli.token.setting().read()?.is_some());
/// assert_eq!(format!("{cli:?}"), "Cli { token: Token }");
/// # Ok::<(), consumer::SettingError>(())
/// ```
#[macro_export]
macro_rules! secret_args {
    (
        $visibility:vis struct $name:ident($variable:literal, $flag:literal, $value:literal);
        help: $help:literal;
        file_help: $file_help:literal;
    ) => {
        #[derive(Clone, clap::Args)]
        #[group(skip)]
        $visibility struct $name {
            #[arg(
                id = $variable,
                long = $flag,
                env = $variable,
                hide_env_values = true,
                value_name = $value,
                help = $help
            )]
            value: Option<String>,
            #[arg(
                id = concat!($variable, "_FILE"),
                long = concat!($flag, "-file"),
                env = concat!($variable, "_FILE"),
                hide_env_values = true,
                value_name = "FILE",
                help = $file_help
            )]
            file: Option<std::path::PathBuf>,
        }

        impl $name {
            $visibility fn setting(&self) -> $crate::SecretSetting<'_> {
                let (value, file) = (self.value.as_deref(), self.file.as_deref());
                $crate::SecretSetting { name: $variable, value, file }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    };
}

/// A secret as set by its variable, or by the variable of the same name with `_FILE`. Empty counts as not set.
#[derive(Clone, Copy)]
pub struct SecretSetting<'a> {
    /// The variable.
    pub name: &'static str,
    /// Its value.
    pub value: Option<&'a str>,
    /// The value of the other.
    pub file: Option<&'a Path>,
}

impl SecretSetting<'_> {
    /// The secret, where it is set.
    ///
    /// # Errors
    /// Both are set, or the file holds no secret.
    pub fn read(&self) -> Result<Option<Secret>, SettingError> {
        let name = self.name;
        let value = self.value.filter(|value| !value.is_empty());
        let file = self.file.filter(|path| !path.as_os_str().is_empty());
        match (value, file) {
            (Some(_), Some(_)) => Err(SettingError::described(format!(
                "{name} and {name}_FILE are both set: give the secret by the one or by the other"
            ))),
            (Some(value), None) => Ok(Some(Secret::new(value))),
            (None, Some(path)) => {
                let file = format!("{name}_FILE");
                Secret::file(path)
                    .map(Some)
                    .map_err(|source| SettingError::described(BadFile { file, source }))
            }
            (None, None) => Ok(None),
        }
    }

    /// The secret, without which there is nothing to be done.
    ///
    /// # Errors
    /// As of [`read`](Self::read), and where it is not set.
    pub fn needed(&self, what_for: &str) -> Result<Secret, SettingError> {
        let missing = || format!("needed {what_for}, and not set; nor is {}_FILE", self.name);
        self.read()?.ok_or_else(|| SettingError::named(self.name, missing()))
    }
}

/// A file that holds no secret.
#[derive(Debug, thiserror::Error)]
#[error("{file}")]
struct BadFile {
    file: String,
    #[source]
    source: http_client::FileProblem,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_secret_from_one_variable_or_the_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        std::fs::write(&path, "from a file\n").expect("written");
        let (file, empty, missing) = (Some(&*path), Some(Path::new("")), Some(Path::new("/nowhere/x")));
        for (value, file, expected) in [
            (Some("hush"), None, Ok(Some("hush"))),
            (Some("hush"), empty, Ok(Some("hush"))),
            (Some(""), file, Ok(Some("from a file"))),
            (None, file, Ok(Some("from a file"))),
            (None, None, Ok(None)),
            (Some(""), empty, Ok(None)),
            (Some("hush"), file, Err("A_TOKEN and A_TOKEN_FILE are both set")),
            (None, missing, Err("A_TOKEN_FILE: the file /nowhere/x cannot be read")),
        ] {
            let read = SecretSetting { name: "A_TOKEN", value, file }.read();
            match (read, expected) {
                (Ok(secret), Ok(value)) => assert_eq!(secret.map(|secret| secret.expose()).as_deref(), value),
                (Err(error), Err(message)) => {
                    let error = amqp::chain(&error);
                    assert!(error.contains(message) && !error.contains("hush"), "{error}");
                }
                (read, _) => panic!("{value:?} {file:?}: {}", read.is_ok()),
            }
        }
        let missing =
            SecretSetting { name: "A_TOKEN", value: None, file: None }.needed("to ask").expect_err("none");
        assert!(amqp::chain(&missing).starts_with("A_TOKEN: needed to ask, and not set"));
    }
}
