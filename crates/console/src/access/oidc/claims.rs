//! The claims of an ID token, and the role in them.

use std::fmt;

use openidconnect::AdditionalClaims;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::access::Role;

/// What the identity provider calls the roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleNames {
    /// [`Role::Viewer`].
    pub viewer: String,
    /// [`Role::Operator`].
    pub operator: String,
    /// [`Role::Editor`].
    pub editor: String,
}

/// With Bilag's name before them: an identity provider that has roles of its own has an `editor` that
/// means something else.
impl Default for RoleNames {
    fn default() -> Self {
        let name = |role: Role| format!("bilag-{role}");
        Self { viewer: name(Role::Viewer), operator: name(Role::Operator), editor: name(Role::Editor) }
    }
}

impl RoleNames {
    fn of(&self, role: Role) -> &str {
        match role {
            Role::Viewer => &self.viewer,
            Role::Operator => &self.operator,
            Role::Editor => &self.editor,
        }
    }
}

impl fmt::Display for RoleNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} or {}", self.viewer, self.operator, self.editor)
    }
}

/// All claims that the standard does not name. Their `Debug` shows none: they are about a person.
#[derive(Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Claims(Map<String, Value>);

impl AdditionalClaims for Claims {}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims")
    }
}

impl Claims {
    /// The highest role that the claim names. It holds one name, or a list of them.
    pub(super) fn role(&self, claim: &str, names: &RoleNames) -> Option<Role> {
        let held = self.find(claim)?;
        let is_held = |name: &str| match held {
            Value::String(text) => text == name,
            Value::Array(list) => list.iter().any(|item| item == name),
            _ => false,
        };
        Role::ALL.into_iter().rev().find(|role| is_held(names.of(*role)))
    }

    /// The claim of this name, dots and all; else what the dots lead to.
    fn find(&self, claim: &str) -> Option<&Value> {
        self.0.get(claim).or_else(|| {
            let mut parts = claim.split('.');
            let first = self.0.get(parts.next()?)?;
            parts.try_fold(first, |value, part| value.get(part))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn role(claims: Value, claim: &str) -> Option<Role> {
        let claims: Claims = serde_json::from_value(claims).expect("an object");
        claims.role(claim, &RoleNames::default())
    }

    #[test]
    fn the_highest_role_in_the_claim_counts() {
        for (claims, claim, expected) in [
            (json!({ "roles": ["bilag-viewer", "bilag-editor", "x"] }), "roles", Some(Role::Editor)),
            (json!({ "roles": "bilag-operator" }), "roles", Some(Role::Operator)),
            (
                json!({ "realm_access": { "roles": ["bilag-viewer"] } }),
                "realm_access.roles",
                Some(Role::Viewer),
            ),
            (
                json!({ "https://a.example/roles": ["bilag-viewer"] }),
                "https://a.example/roles",
                Some(Role::Viewer),
            ),
            (json!({ "roles": ["viewer", "editor"] }), "roles", None),
            (json!({ "roles": "bilag-operator bilag-editor" }), "roles", None),
            (json!({ "roles": { "bilag-editor": true } }), "roles", None),
            (json!({ "roles": [["bilag-editor"]] }), "roles", None),
            (json!({}), "roles", None),
            (json!({ "groups": ["bilag-editor"] }), "roles", None),
        ] {
            assert_eq!(role(claims.clone(), claim), expected, "{claims}");
        }
    }
}
