//! Bringing interfaces up and down.

use super::*;

#[test]
#[ignore = "needs root in a vnet jail"]
fn a_tunnel_is_up_only_if_it_runs() {
    only_in_a_jail();
    let mut kernel = with_netlink();
    let tunnels = [(); 2].map(|()| run("ifconfig wg create"));
    let (first, second) = (&tunnels[0], &tunnels[1]);
    let link = |name: &str, up| Write::Link { interface: name.parse().unwrap(), up };
    let flags = |name: &str| run(&format!("ifconfig {name} | head -1"));
    for name in &tunnels {
        run(&format!("k=$(mktemp); wg genkey > $k; wg set {name} listen-port 51999 private-key $k; rm $k"));
    }
    kernel.write(&link(first, true)).unwrap();
    assert!(flags(first).contains("RUNNING"));
    assert!(refusal(kernel.write(&link(second, true))).contains("does not run"));
    assert!(!flags(second).contains("UP"), "what did not come up is not left half up");
    // An operator may have left it so.
    run(&format!("ifconfig {second} up"));
    assert!(refusal(kernel.write(&link(second, true))).contains("does not run"));
    assert!(flags(second).contains("UP"));
    kernel.write(&link(first, false)).unwrap();
    assert!(!flags(first).contains("UP") && !flags(first).contains("RUNNING"));
    kernel.write(&link(second, true)).unwrap();
    assert!(flags(second).contains("RUNNING"));
    for name in &tunnels {
        run(&format!("ifconfig {name} destroy"));
    }
}
