use std::path::Path;

use super::*;
use crate::config::file::report::Report;

/// The first service of `text` after its profile, as plain TOML, and what was found.
fn expanded(text: &str, gateway: Result<&str, &str>) -> (toml::Table, Vec<crate::config::Finding>) {
    let (mut table, errors) = DeTable::parse_recoverable(text);
    assert!(errors.is_empty(), "{errors:?}");
    let mut report = Report::new(Path::new("carpd.toml"), text);
    let read = |_: &Path| Some(gateway.map(str::to_owned).map_err(str::to_owned));
    expand(table.get_mut(), &mut report, &read);
    let service = table.get_ref().get("service").unwrap().get_ref().get(0).unwrap();
    let DeValue::Table(service) = service.get_ref() else { panic!("{service:?}") };
    (plain(service), report.finish())
}

fn plain(table: &DeTable<'_>) -> toml::Table {
    table.iter().map(|(key, value)| (key.get_ref().to_string(), plain_value(value.get_ref()))).collect()
}

fn plain_value(value: &DeValue<'_>) -> toml::Value {
    match value {
        DeValue::Table(table) => toml::Value::Table(plain(table)),
        DeValue::Array(items) => toml::Value::Array(items.iter().map(|item| plain_value(item.get_ref())).collect()),
        DeValue::String(text) => toml::Value::String(text.to_string()),
        DeValue::Integer(number) => toml::Value::Integer(number.as_str().parse().unwrap()),
        other => panic!("no profile holds {other:?}"),
    }
}

fn names(service: &toml::Table) -> Vec<&str> {
    let probes = service.get("probe").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    probes.iter().map(|probe| probe["name"].as_str().unwrap()).collect()
}

const GATEWAY: &str = "[[service]]\nname = \"gw\"\nprofile = \"defguard\"\n";

#[test]
fn every_profile_is_a_service() {
    for (name, text) in PROFILES {
        let (_, service) = parse(text).unwrap_or_else(|| panic!("{name} is no profile"));
        assert!(!service.contains_key("name") && !service.contains_key("follows"), "{name} knows too much");
    }
}

#[test]
fn the_gateway_s_own_configuration_names_interface_and_health_port() {
    let text = "ifname = \"wg20\"\nhealth_port = 55003\nhttp_bind_address = \"0.0.0.0\"\ntoken = \"secret\"\n";
    let (service, findings) = expanded(GATEWAY, Ok(text));
    assert_eq!(service["link"]["interface"].as_str(), Some("wg20"));
    assert_eq!(service["probe"][0]["url"].as_str(), Some("http://127.0.0.1:55003/health"));
    assert_eq!(service["ready"][0].as_str(), Some("/etc/defguard/certs/gateway_grpc_cert.pem"));
    assert_eq!(findings, []);
}

#[test]
fn an_ipv6_address_to_listen_on_becomes_one_to_ask() {
    for (listens, host) in
        [("::", "[::1]"), ("::1", "[::1]"), ("2001:db8::1", "[2001:db8::1]"), ("10.0.0.1", "10.0.0.1")]
    {
        let text = format!("health_port = 55003\nhttp_bind_address = \"{listens}\"\n");
        let (service, findings) = expanded(GATEWAY, Ok(&text));
        assert_eq!(service["probe"][0]["url"].as_str(), Some(format!("http://{host}:55003/health").as_str()));
        assert_eq!(findings, []);
    }
}

#[test]
fn what_the_gateway_s_configuration_does_not_say_is_its_default_or_left_out() {
    let (service, findings) = expanded(GATEWAY, Ok(""));
    assert_eq!(service["link"]["interface"].as_str(), Some("wg0"));
    assert_eq!(names(&service), Vec::<&str>::new(), "without a port there is no health to ask for");
    assert_eq!(findings, []);
}

#[test]
fn a_configuration_that_cannot_be_read_is_told_and_its_content_is_not() {
    for gateway in [Err("cannot be read: gone"), Ok("token = \"secret\n")] {
        let (service, findings) = expanded(GATEWAY, gateway);
        assert_eq!(service["link"]["interface"].as_str(), Some("wg0"));
        let [finding] = findings.as_slice() else { panic!("{findings:?}") };
        assert_eq!((finding.code, finding.place.line), (codes::PROFILE_FILE.code, 3));
        assert!(!finding.cause.contains("secret"), "{}", finding.cause);
    }
}

#[test]
fn what_the_service_says_itself_comes_first() {
    let text = format!(
        "{GATEWAY}stop_limit = \"3s\"\n[service.link]\ninterface = \"wg7\"\n[service.exec]\nstart = [\"/bin/true\"]\n\
         [[service.probe]]\nname = \"health\"\ntimeout = \"2s\"\n[[service.probe]]\nname = \"own\"\n"
    );
    let (service, _) = expanded(&text, Ok("health_port = 1"));
    assert_eq!(service["link"]["interface"].as_str(), Some("wg7"));
    assert_eq!(service["stop_limit"].as_str(), Some("3s"));
    assert!(!service.contains_key("rc"), "a service has one driver");
    assert_eq!(names(&service), ["health", "own"]);
    assert_eq!(service["probe"][0]["timeout"].as_str(), Some("2s"));
    assert_eq!(service["probe"][0]["url"].as_str(), Some("http://127.0.0.1:1/health"));
}

#[test]
fn a_probe_of_another_kind_keeps_nothing_of_the_profile_s() {
    let text = format!("{GATEWAY}[[service.probe]]\nname = \"health\"\nkind = \"tcp\"\nconnect = \"127.0.0.1:1\"\n");
    let (service, _) = expanded(&text, Ok("health_port = 1"));
    let probe = service["probe"][0].as_table().unwrap();
    assert_eq!(probe.keys().collect::<Vec<_>>(), ["connect", "kind", "name"]);
}

#[test]
fn a_service_without_a_profile_is_as_it_is_written() {
    for text in ["[[service]]\nname = \"a\"\n", "[[service]]\nprofile = 3\n", "[[service]]\nprofile = \"none\"\n"] {
        let (service, findings) = expanded(text, Ok(""));
        assert_eq!((service.len(), findings), (1, vec![]), "{text}");
    }
}
