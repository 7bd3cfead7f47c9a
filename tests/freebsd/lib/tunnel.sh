# A WireGuard tunnel from the client cl to the VIP 10.1.0.1 of the pair fw1 and fw2: wg20 on all of them. Both nodes have the same key and
# the client as their peer, with a keepalive of 25 s, as Defguard Core gives them.

tunnel() {
	local node

	need_module if_wg
	[ -x /usr/bin/wg ] || skip "wg(8) is not installed"
	(umask 077; wg genkey > "$CASE/pair.key"; wg genkey > "$CASE/client.key")
	for node in fw1 fw2; do tunnel_end "$node"; done
	on cl ifconfig wg20 create inet 10.9.0.2/24 > /dev/null
	on cl wg set wg20 private-key "$CASE/client.key" \
	    peer "$(wg pubkey < "$CASE/pair.key")" allowed-ips 10.9.0.0/24 endpoint 10.1.0.1:51820 persistent-keepalive 25
	on cl ifconfig wg20 up
}

# tunnel_end NODE: as it is right after the node's boot: it has never heard of the client.
tunnel_end() {
	on "$1" ifconfig wg20 create inet 10.9.0.1/24 > /dev/null
	on "$1" wg set wg20 private-key "$CASE/pair.key" listen-port 51820 \
	    peer "$(wg pubkey < "$CASE/client.key")" allowed-ips 10.9.0.2/32 persistent-keepalive 25
}

# tunnelled NODE: [[service]] "gateway" that is this link alone.
tunnelled() {
	printf '[[service]]\nname = "gateway"\nprofile = "wireguard"\nfollows = ["1@%s"]\n[service.link]\ninterface = "wg20"\n' \
	    "$(if_of "$1" lan)"
}

tunnel_up() {
	on "$1" ifconfig wg20 | head -n 1 | grep -q '<UP[,>]'
}

tunnel_down() {
	! tunnel_up "$1"
}

# When the client last shook hands with the node, in seconds since 1970; 0 for never.
handshake() {
	on "$1" wg show wg20 latest-handshakes | awk '{ print $2 + 0 }'
}

shook_hands_since() {
	[ "$(handshake "$1")" -ge "$2" ]
}

# Five packets a second through the tunnel until traffic_gap.
traffic() {
	: > "$CASE/traffic"
	rm -f "$CASE/traffic.ping"
	mkfifo "$CASE/traffic.ping"
	jexec "$P.cl" ping -n -i 0.2 10.9.0.1 > "$CASE/traffic.ping" 2>&1 &
	TRAFFIC=$!
	while read -r line; do
		case $line in
		*icmp_seq=*) date +%s.%3N ;;
		esac
	done < "$CASE/traffic.ping" > "$CASE/traffic" &
	wait_for 20 "an answer through the tunnel" answered 3
}

# answered TIMES
answered() {
	[ "$(wc -l < "$CASE/traffic")" -ge "$1" ]
}

# Waits until the tunnel answers again; the longest time without an answer, in ms, in $GAP.
traffic_gap() {
	wait_for "$1" "answers through the tunnel" answered $(($(wc -l < "$CASE/traffic") + 10))
	kill -INT "$TRAFFIC"
	wait "$TRAFFIC" || true
	# shellcheck disable=SC2034 # for the cases
	GAP=$(awk 'NR > 1 && $1 - last > gap { gap = $1 - last } { last = $1 } END { printf "%d", gap * 1000 }' "$CASE/traffic")
}
