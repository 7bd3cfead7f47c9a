# A multicast vhid works whoever has written it: SIOCSVH, and netlink where it comes back from unicast, which SIOCSVH knows nothing of.

need_command plan
need_command apply
[ -x /usr/bin/ktrace ] || skip "there is no ktrace(1)"
cluster lan
for n in 1 2; do
	node fw$n lan
	address fw$n lan 10.1.0.1$n/24
	printf 'of-the-suite\n' > "$CASE/fw$n/password"
	chmod 600 "$CASE/fw$n/password"
done

# made PEERS: applied on both nodes, BACKUP first, and what was written by which way. PEERS is "unicast" or nothing.
made() {
	local n peer

	for n in 2 1; do
		peer=
		[ -z "${1:-}" ] || peer="peer = \"10.1.0.1$((3 - n))\""
		conf fw$n <<-EOT
		[vips]
		source = "static"
		[[vips.vhid]]
		interface = "$(if_of fw$n lan)"
		vhid = 1
		advskew = $(((n - 1) * 100))
		password_file = "$CASE/fw$n/password"
		addresses = ["10.1.0.1/24"]
		$peer
		EOT
		on fw$n ktrace -i -t ci -f "$CASE/trace" "$CARPCTL" --config "$CASE/fw$n/carpd.toml" --color never apply ||
		    fail "apply on fw$n failed"
		written "$CASE/trace" > "$CASE/writes.fw$n"
	done
	becomes fw1 lan 1 MASTER
	becomes fw2 lan 1 BACKUP
	stays 4 fw2 lan 1 BACKUP
}

# by WANTED UNWANTED: how both nodes were written.
by() {
	local n

	for n in fw1 fw2; do
		has "what apply wrote on $n" "$(cat "$CASE/writes.$n")" "$1"
		has_not "what apply wrote on $n" "$(cat "$CASE/writes.$n")" "$2"
	done
}
request='SIOCSVH|c02069f5'
message='netlink command 2'

step "multicast by SIOCSVH"
made
by "$request" "$message"

step "unicast by netlink"
made unicast
by "$message" "$request"
has "the interface of fw1" "$(on fw1 ifconfig "$(if_of fw1 lan)")" "peer 10\.1\.0\.12"

step "multicast by netlink"
made
by "$message" "$request"
has "the interface of fw1" "$(on fw1 ifconfig "$(if_of fw1 lan)")" "peer 224\.0\.0\.18"
