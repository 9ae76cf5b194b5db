//! The tenant that a message is of, where an installation serves several.

use amqp::{Failure, Reason};
use tenants::{Tenant, Tenants};

/// The tenants' file does not know the receipt's tenant.
pub const UNKNOWN_TENANT: Reason = Reason::new(
    "unknown_tenant",
    "add the tenant to the file of BILAG_TENANTS, restart the consumers, then redrive the dead letter",
);

/// Names a store for people, and the scope that Omnium may forbid: stores of two tenants may have one uid.
pub fn store_scope(tenant: &str, store: &str) -> String {
    format!("store {store} of tenant {tenant}")
}

/// Whether a scope that [`store_scope`] named is of this tenant.
pub fn is_scope_of(scope: &str, tenant: &str) -> bool {
    let store = scope.strip_prefix("store ").and_then(|rest| rest.strip_suffix(tenant));
    store.is_some_and(|store| store.ends_with(" of tenant "))
}

/// The tenants' file does not know the receipt's tenant.
#[derive(Debug, thiserror::Error)]
#[error(
    "tenant {tenant} has no table in {file}, and the file has no [default]: nothing is sent with another tenant's settings"
)]
struct UnknownTenant {
    tenant: String,
    file: String,
}

/// What the file says of a tenant; `None` where there is no file, and everything is as the
/// installation has it.
///
/// # Errors
/// The file does not know the tenant: a dead letter, [`UNKNOWN_TENANT`].
pub fn tenant<'a>(tenants: Option<&'a Tenants>, uid: &str) -> Result<Option<&'a Tenant>, Failure> {
    let Some(file) = tenants else { return Ok(None) };
    file.find(uid).map(Some).ok_or_else(|| {
        let error = UnknownTenant { tenant: uid.to_owned(), file: file.path().display().to_string() };
        Failure::reject(UNKNOWN_TENANT, error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_of_its_tenant_alone() {
        let scope = store_scope("31", "70");
        assert!(is_scope_of(&scope, "31"), "{scope}");
        for tenant in ["1", "70", "", "tenant 31"] {
            assert!(!is_scope_of(&scope, tenant), "{scope} is not of {tenant:?}");
        }
    }
}
