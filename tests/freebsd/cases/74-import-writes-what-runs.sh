# import writes a carpd.toml from what runs on a node, and one from the lines of rc.conf that have set it up: with either of them there is
# nothing to do, and a node without vhids becomes the same again by apply.

need_command plan
need_command apply
cluster lan
node fw1 lan
i=$(if_of fw1 lan)
conf fw1 < /dev/null
cat > "$CASE/rc.conf" <<-EOT
ifconfig_$i="inet 10.1.0.11/24"
ifconfig_${i}_alias0="inet vhid 1 advskew 20 pass of-the-suite alias 10.1.0.1/24"
ifconfig_${i}_alias1="inet vhid 1 alias 10.1.0.2/32"
ifconfig_${i}_alias2="inet6 vhid 2 advbase 2 advskew 7 pass another-one alias 2001:db8:1::2/64"
EOT
echo 'net.inet.carp.preempt=1' > "$CASE/sysctl.conf"

step "a node as rc(8) sets it up"
sed -n 's/^[^=]*="\(.*\)"$/\1/p' "$CASE/rc.conf" | while read -r arguments; do
	# shellcheck disable=SC2086 # words
	on fw1 ifconfig "$i" $arguments
done
becomes fw1 lan 1 MASTER
becomes fw1 lan 2 MASTER

# equals FILE: with this carpd.toml there is nothing to do.
equals() {
	has_not "$1" "$(cat "$CASE/fw1/$1")" "of-the-suite|another-one"
	conf fw1 < "$CASE/fw1/$1"
	exits 0 ctl fw1 config check
	exits 0 ctl fw1 plan
}

step "from the kernel"
exits 0 ctl fw1 import --passwords "$CASE/fw1/keys" --output "$CASE/fw1/running.toml"
has_not "import" "$SAID" "of-the-suite|another-one"
equals running.toml

step "from rc.conf"
exits 0 ctl fw1 import --rc-conf "$CASE/rc.conf" --passwords "$CASE/fw1/more-keys" --output "$CASE/fw1/rc.toml"
has_not "import" "$SAID" "of-the-suite|another-one"
equals rc.toml
for key in "$CASE"/fw1/*keys/*; do
	is "the mode of $key" "$(stat -f %Lp "$key")" 600
done

step "and back again"
for one in 10.1.0.1 10.1.0.2 2001:db8:1::2; do vip_gone fw1 lan $one; done
is "vhid 1" "$(state fw1 lan 1)" absent
exits 0 ctl fw1 apply
becomes fw1 lan 1 MASTER
becomes fw1 lan 2 MASTER
SAID=$(on fw1 ifconfig "$i")
has "the interface" "$SAID" "vhid 1 advbase 1 advskew 20"
has "the interface" "$SAID" "vhid 2 advbase 2 advskew 7"
conf fw1 < "$CASE/fw1/running.toml"
exits 0 ctl fw1 plan
