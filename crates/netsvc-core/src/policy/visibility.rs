//! Who may see a service: the one rule for announcements, requests and subscriptions.

/// Whether a service of this audience exists for whoever is behind a link of `group`.
///
/// Exporter and importer both apply it: `"*"` passes every link, `""` none, any other audience
/// only the links of the exchange group of that name.
pub fn passes(audience: &str, group: &str) -> bool {
    audience == "*" || (!audience.is_empty() && audience == group)
}

#[cfg(test)]
mod tests {
    use super::passes;

    #[test]
    fn the_audience_decides_over_which_groups_a_service_is_visible() {
        assert!(passes("*", "") && passes("*", "plant"));
        assert!(!passes("", "") && !passes("", "plant"));
        assert!(passes("plant", "plant"));
        assert!(!passes("plant", "") && !passes("plant", "office"));
    }
}
