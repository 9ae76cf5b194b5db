//! Whose clock counts: the time zones that were set.

use store_clock::Zone;

use crate::Tenants;

/// The time zones that were set: the installation's, and those of tenants that have their own.
#[derive(Clone, Debug, Default)]
pub struct Zones {
    installation: Option<Zone>,
    tenants: Option<Tenants>,
}

impl Zones {
    /// The installation's, and the tenants with theirs.
    pub fn new(installation: Option<Zone>, tenants: Option<Tenants>) -> Self {
        Self { installation, tenants }
    }

    /// The one that is set for a tenant: its own, else the installation's.
    pub fn of(&self, tenant: &str) -> Option<Zone> {
        let own = self.tenants.as_ref().and_then(|tenants| tenants.find(tenant)?.time_zone);
        own.or(self.installation)
    }
}
