# The writes to the kernel's network configuration in kdump(1)'s text of calls and data ("kdump -t ci"). A request that kdump does not
# know by name is there as a number. A sysctl that sets something has a length as its last argument. A netlink message has its type in
# bytes 4 and 5 and, if it is a generic one, its command in byte 16.

function hex(text,    i, n) {
	n = 0
	for (i = 1; i <= length(text); i++) n = n * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
	return n
}

function message(    type) {
	if (fd == "") return
	type = hex(substr(data, 11, 2) substr(data, 9, 2))
	# RTM_NEWLINK, DELLINK, NEWADDR, DELADDR; of the generic ones the controller's, 16, only ask.
	if (route[fd] && (type == 16 || type == 17 || type == 20 || type == 21)) print "netlink route message of type " type
	if (generic[fd] && type > 16 && hex(substr(data, 33, 2)) == 2) print "netlink command 2 to family " type
	fd = data = ""
}

/ (CALL|RET|GIO|NAMI|STRU) / { message() }

/ CALL  ioctl\(/ && /SIOCSVH|c02069f5|SIOC[AD]IFADDR|8044692b|80206919|8088691b|81206919|SIOCSIFFLAGS|80206910|SIOCSIFMTU|80206934|SIOCSETPFSYNC|802069f7|802069f9/ {
	print
	next
}

/ CALL  __sysctl(byname)?\(/ {
	arguments = $0
	sub(/.*\(/, "", arguments)
	sub(/\).*/, "", arguments)
	n = split(arguments, list, ",")
	if (list[n] != "0" && list[n - 1] != "0") print
	next
}

/ CALL  socket\(/ { opening = /NETLINK/ ? (/NETLINK_GENERIC|,0x10\)|,16\)/ ? "generic" : "route") : "other"; next }
/ RET   socket / && opening != "" {
	number = $NF
	if (number ~ /^0x/) number = hex(substr(number, 3))
	number += 0
	route[number] = opening == "route"
	generic[number] = opening == "generic"
	opening = ""
	next
}

/ GIO   fd [0-9]+ wrote / {
	for (i = 1; i < NF; i++) if ($i == "fd") fd = $(i + 1)
	if (!route[fd] && !generic[fd]) fd = ""
	data = ""
	next
}
fd != "" && /^ *0x[0-9a-f]+ / {
	line = $0
	sub(/ *\|.*/, "", line)
	sub(/^ *0x[0-9a-f]+ /, "", line)
	gsub(/ /, "", line)
	data = data line
}
END { message() }
