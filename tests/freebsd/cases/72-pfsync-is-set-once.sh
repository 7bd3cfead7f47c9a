# limit: 200
# apply sets pfsync, which costs a bulk update and a demotion; as long as it is as the file says, it is not set again.

need_command plan
need_command apply
need_module pf
need_module pfsync
cluster lan sync
for n in 1 2; do
	f=fw$n
	node $f lan sync
	address $f lan 10.1.0.1$n/24
	address $f sync 10.3.0.1$n/24
	on $f pfctl -q -e
	conf $f <<-EOT
	[vips]
	source = "static"
	[[vips.vhid]]
	interface = "$(if_of $f lan)"
	vhid = 1
	advskew = $(((n - 1) * 100))
	addresses = ["10.1.0.1/24"]
	[pfsync]
	syncdev = "$(if_of $f sync)"
	syncpeer = "10.3.0.1$((3 - n))"
	maxupdates = 64
	EOT
done

step "it is set"
for f in fw2 fw1; do
	exits 2 ctl $f plan
	has "the plan of $f" "$SAID" pfsync
	exits 0 ctl $f apply
	SAID=$(on $f ifconfig pfsync0)
	has "pfsync0 of $f" "$SAID" "$(if_of $f sync)"
	has "pfsync0 of $f" "$SAID" "maxupd: 64"
	has "pfsync0 of $f" "$SAID" "[<,]UP[,>]"
done
for f in fw2 fw1; do wait_for 100 "the end of the bulk update of $f" demotion_is $f 0; done
becomes fw1 lan 1 MASTER
becomes fw2 lan 1 BACKUP

step "it is not set again"
for f in fw1 fw2; do
	exits 0 ctl $f plan
	exits 0 ctl $f apply
	is "the demotion of $f" "$(demotion $f)" 0
	has "pfsync0 of $f" "$(on $f ifconfig pfsync0)" "syncok: 1"
done
is "the state of fw1" "$(state fw1 lan 1)" MASTER

step "a change is one, and shows as a bulk update"
sed 's/^maxupdates = .*/maxupdates = 65/' "$CASE/fw2/carpd.toml" > "$CASE/fw2/new" && cat "$CASE/fw2/new" > "$CASE/fw2/carpd.toml"
exits 2 ctl fw2 plan
has "the plan" "$SAID" "240|demot"
exits 0 ctl fw2 apply
has "pfsync0 of fw2" "$(on fw2 ifconfig pfsync0)" "maxupd: 65"
wait_for 100 "the end of the bulk update of fw2" demotion_is fw2 0
