# What is carpd's own in its manifest: the part of ../manifest.sh that reads it has the functions.
origin=net/carpd
www=UNKNOWN
makefile=$here/port/Makefile
prefix=

members() {
	echo '"annotations": {"FreeBSD_version": "1400097"},'
	printf '"messages": %s\n' "$(sed 's|%%PREFIX%%|/usr/local|g' "$here/port/pkg-message")"
}

folders() {
	paths d carpd
}

# What lua(1) in pkg does for each sample, in the package's own folder.
after() {
	for sample in $(paths f '*.sample'); do
		echo "if not pkg.stat('/${sample%.sample}') then pkg.copy('/$sample', '/${sample%.sample}') end"
	done
}

# An upgrade removes nothing: for a moment, a running carpd would find no configuration.
before() {
	for sample in $(paths f '*.sample'); do
		echo "if not pkg_upgrade and pkg.filecmp('/$sample', '/${sample%.sample}') == 0 then" \
			"os.remove('/${sample%.sample}') end"
	done
}

scripts() {
	printf '"lua_scripts": {\n"post-install": [%s],\n"pre-deinstall": [%s]\n}\n' "$(after | quote)" "$(before | quote)"
}
