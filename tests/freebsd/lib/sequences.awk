# Which vhids have not gone through the states that the lab says: awk -f sequences.awk -v begin=MS -v upto=MS -v p=PREFIX WANTED DEVD
#
# WANTED has lines "MS NODE VHID SEGMENT ... STATE" of the lab, DEVD what devd(8) said since the first step. Prints one line for each
# vhid that differs. Both are brought to one form first: the lab says off or absent where the kernel's last word is INIT, and a change
# of an address takes the kernel through INIT and BACKUP in one instant, of which the lab tells the end. So an INIT counts only as long
# as it lasts, which the comparison after each step sees.

function form(text,    list, n, i, out, last) {
	n = split(text, list, " ")
	for (i = 1; i <= n; i++) {
		if (list[i] == "off" || list[i] == "absent") list[i] = "INIT"
		if (list[i] == "INIT" && i < n && list[i + 1] == "BACKUP") continue
		if (list[i] == last) continue
		last = list[i]
		out = out (out == "" ? "" : " ") last
	}
	return out
}

FNR == NR {
	key = $3 "@" p $2 $4
	name[key] = $2 " " $3 "@" $4
	if ($1 < begin) { before[key] = $NF; next }
	if ($1 < upto) wanted[key] = wanted[key] " " $NF
	next
}

/^!system=CARP / {
	key = $2
	sub(/^subsystem=/, "", key)
	state = $3
	sub(/^type=/, "", state)
	if (key in name) seen[key] = seen[key] " " state
}

END {
	for (key in name) {
		ours = form(before[key] " " seen[key])
		lab = form(before[key] " " wanted[key])
		if (ours != lab) print name[key] " was " ours ", in the lab " lab
	}
}
