# apply makes what the file says; the second one has nothing to do, and ktrace(1) shows that it writes nothing.

need_command plan
need_command apply
cluster lan
for n in 1 2; do
	f=fw$n
	node $f lan
	address $f lan 10.1.0.1$n/24
	address $f lan 2001:db8:1::1$n/64
	on $f sysctl net.inet.carp.preempt=0 > /dev/null
	printf 'of-the-suite\n' > "$CASE/$f/password"
	chmod 600 "$CASE/$f/password"
	conf $f <<-EOT
	[vips]
	source = "static"
	[[vips.vhid]]
	interface = "$(if_of $f lan)"
	vhid = 1
	advskew = $(((n - 1) * 100))
	password_file = "$CASE/$f/password"
	addresses = ["10.1.0.1/24", "10.1.0.2/24", "2001:db8:1::1/64"]
	[carp]
	preempt = true
	EOT
done

step "the plan says what it would do, and does nothing"
exits 2 ctl fw1 plan
has "the plan" "$SAID" "10\.1\.0\.2"
has_not "the plan" "$SAID" "of-the-suite"
is "the vhid" "$(state fw1 lan 1)" absent

step "apply makes it"
exits 0 ctl fw1 apply
exits 0 ctl fw2 apply
becomes fw1 lan 1 MASTER
becomes fw2 lan 1 BACKUP
has "the interface" "$(on fw1 ifconfig "$(if_of fw1 lan)")" "10\.1\.0\.2 .*vhid 1"
has "the interface" "$(on fw1 ifconfig "$(if_of fw1 lan)")" "2001:db8:1::1 .*vhid 1"
is "preempt" "$(on fw1 sysctl -n net.inet.carp.preempt)" 1

step "nothing is left to do"
exits 0 ctl fw1 plan
events_start
[ -x /usr/bin/ktrace ] || skip "there is no ktrace(1)"
on fw1 ktrace -i -t ci -f "$CASE/trace" "$CARPCTL" --config "$CASE/fw1/carpd.toml" apply || fail "the second apply failed"
kdump -f "$CASE/trace" > "$CASE/calls"
traced=$(grep -c ' CALL ' "$CASE/calls")
[ "$traced" -gt 20 ] || fail "ktrace recorded only $traced calls"
written "$CASE/trace" > "$CASE/writes"
[ ! -s "$CASE/writes" ] || fail "it wrote: $(head -3 "$CASE/writes" | paste -s -d ';' -)"
stays 4 fw1 lan 1 MASTER
is "the transitions" "$(events fw1 lan 1)" ""

step "and the method sees a write if there is one"
on fw1 sysctl net.inet.carp.preempt=0 > /dev/null
on fw1 ktrace -i -t ci -f "$CASE/trace2" "$CARPCTL" --config "$CASE/fw1/carpd.toml" apply
written "$CASE/trace2" > "$CASE/writes"
[ -s "$CASE/writes" ] || fail "ktrace shows no write although preempt was set"
is "preempt" "$(on fw1 sysctl -n net.inet.carp.preempt)" 1
note "$traced system calls, none of them a write to the kernel's configuration"
