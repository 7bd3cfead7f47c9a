# What is os-carpd's own in its manifest: as OPNsense's plugins framework has it. The part of ../manifest.sh that reads it has
# the functions.
origin=opnsense/os-carpd
www=https://opnsense.org/
makefile=$here/../opnsense-plugin/Makefile
prefix=PLUGIN_

# The firmware page reads the tier from the annotations; the same facts lie in a file for what runs without pkg(8).
members() {
	echo '"arch": "freebsd:*:*",'
	printf '"deps": {"%s": {"origin": "net/carpd", "version": "%s"}},\n' "$(of_makefile PLUGIN_DEPENDS)" "$version"
	printf '"annotations": %s\n' "$(cat "$stage/usr/local/opnsense/version/carpd")"
}

# No folder: pkg(8) removes those that it leaves empty, and none has a mode of its own.
folders() {
	:
}

# The folders below FOLDER of the stage's opnsense/ that are named by vendor and module.
modules() {
	(cd "$stage/usr/local/opnsense/$1" && find . -mindepth 2 -maxdepth 2 -type d | sed 's|^\./||' | sort)
}

# Makes OPNsense find or forget the hooks of plugins.inc.d.
configure() {
	echo "configure=/usr/local/etc/rc.configure_plugins"
	echo "if [ -f \$configure ]; then echo 'Reloading the configuration of plugins'; \$configure $1; fi"
}

# Configd first: it has to know the actions when the templates ask for them, and the models before those read them.
after_install() {
	echo "if [ -f /usr/local/etc/rc.d/configd ]; then /usr/local/etc/rc.d/configd restart; fi"
	echo "migrations=/usr/local/opnsense/mvc/script/run_migrations.php"
	for module in $(modules mvc/app/models); do
		echo "if [ -f \$migrations ]; then \$migrations $module; fi"
	done
	configure POST_INSTALL
	for module in $(modules service/templates); do
		echo "if [ -f /usr/local/sbin/configctl ]; then /usr/local/sbin/configctl template reload $module; fi"
	done
}

scripts() {
	printf '"scripts": {\n"post-install": %s,\n"post-deinstall": %s\n}\n' \
		"$(after_install | quote)" "$(configure POST_DEINSTALL | quote)"
}
