//! DAEMON services on other capacity: managed daemons have keys that others lack, and the other way round.

use super::variant::entries;
use toml::{Table, Value};

/// Takes away what a DAEMON service says that its new capacity refuses; others stay as they are.
pub(super) fn fit(service: &mut Table, is_managed: bool) {
    if service.get("scheduling_strategy").and_then(Value::as_str) != Some("DAEMON") {
        return;
    }
    if !is_managed {
        service.remove("critical");
    }
    fit_deployment(service, is_managed);
    entries(service, "update").for_each(|update| fit_deployment(update, is_managed));
}

fn fit_deployment(of: &mut Table, is_managed: bool) {
    let gone: &[&str] = match is_managed {
        true => &["minimum_healthy_percent"],
        false => &["drain_percent"],
    };
    let table = of.get_mut("deployment_configuration").and_then(Value::as_table_mut);
    if let Some(table) = table {
        gone.iter().for_each(|key| {
            table.remove(*key);
        });
    }
}
