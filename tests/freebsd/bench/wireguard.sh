# What a client of a WireGuard gateway sees of a handover, where only the link follows the VIP and both nodes keep key and peers.
#
# A node that has the client's address and port from before greets it as soon as its link goes up. One that never heard of it has to
# wait until the client misses answers: 15 s with traffic. Without traffic it waits for the end of the session, which is 180 s old then, and for
# its next keepalive, if the session was begun by the node, as a greeting does (WireGuard's own timers).

pair lan
client cl lan 10.1.0.20/24
tunnel
for n in fw1 fw2; do
	tunnelled $n | conf $n
	carpd_start $n
done
wait_for 15 "the tunnel on fw1" tunnel_up fw1
wait_for 15 "no tunnel on fw2" tunnel_down fw2
wait_for 40 "the client to get through" on cl ping -q -n -c 1 -t 2 10.9.0.1

told() {
	note "$(printf '%-60s %8d ms' "$1" "$2")"
}

# with_traffic TEXT COMMAND...: one handover under traffic.
with_traffic() {
	local text

	text=$1
	shift
	traffic
	"$@"
	traffic_gap 60
	told "$text" "$GAP"
}

# idle TEXT NODE LIMIT COMMAND...: from the command to the client's next handshake, with NODE; within a second.
idle() {
	local text node limit began

	text=$1 node=$2 limit=$3
	shift 3
	began=$(date +%s)
	"$@"
	wait_for "$limit" "a handshake with $node" shook_hands_since "$node" "$began"
	told "$text" $((($(handshake "$node") - began) * 1000))
}

with_traffic "with traffic, the new node never heard of the client" ctl fw1 maintenance enter --wait
with_traffic "with traffic, back to a node that knows it" ctl fw1 maintenance leave
for round in 1 2 3; do
	with_traffic "with traffic, both know it, there ($round)" ctl fw1 maintenance enter --wait
	with_traffic "with traffic, both know it, and back ($round)" ctl fw1 maintenance leave
done
# A session is young for two minutes, in which an idle client has no reason to shake hands.
idle "idle, both know it" fw2 160 ctl fw1 maintenance enter --wait
idle "idle, both know it, and back" fw1 160 ctl fw1 maintenance leave
on fw2 ifconfig wg20 destroy
tunnel_end fw2
idle "idle, the new node never heard of it" fw2 240 ctl fw1 maintenance enter --wait
