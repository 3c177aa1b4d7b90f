//! Which services a watch or a look-up is about.

use crate::ids::{ServiceId, Str};

use super::service::Service;

/// What a watch or a look-up is about. All given conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Services of this name.
    pub name: Option<Str>,
    /// This service.
    pub id: Option<ServiceId>,
    /// Members of this service group. A watch with it tells of membership only.
    pub group: Option<Str>,
}

impl Filter {
    /// Whether the conditions that never change hold.
    pub(crate) fn admits(&self, service: &Service) -> bool {
        self.name.as_ref().is_none_or(|name| *name == service.name)
            && self.id.is_none_or(|id| id == service.id)
    }
}
