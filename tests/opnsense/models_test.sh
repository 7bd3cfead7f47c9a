#!/bin/sh

# SPDX-License-Identifier: BSD-2-Clause
#
# The rules that OPNsense has for models, forms, actions and rights, as far as they can be told from the files alone.
set -u
plugin=$(cd "$(dirname "$0")/../../opnsense-plugin/src/opnsense" && pwd)
app=${plugin}/mvc/app
failed=0

# $1 a rule, $2 a file, $3 what in it breaks the rule
never() {
	if xmllint --xpath "$3" "$2" 2>/dev/null | grep -q .; then
		echo "$2: $1: $(xmllint --xpath "$3" "$2")"
		failed=1
	fi
}

for model in "${app}"/models/OPNsense/Carpd/*.xml; do
	leaf='//*[@type and not(@type="ArrayField")]'
	never "a default of what is not required" "${model}" "${leaf}[(not(Required) or Required='N') and Default]"
	never "an empty default" "${model}" "${leaf}[Default='']"
	never "the usual, written out" "${model}" "${leaf}[Required='N' or Multiple='N' or BlankDesc='None']"
	never "a blank of what cannot be blank" "${model}" "${leaf}[BlankDesc and (Required='Y' or Multiple='Y')]"
	never "a list without mask for each item" "${model}" '//*[@type="CSVListField" and (not(Mask) or not(MaskPerItem="Y"))]'
	never "a message without a dot" "${model}" '//ValidationMessage[substring(., string-length(.), 1) != "."]'
	if grep -n '<ValidationMessage>[a-z ]' "${model}"; then
		echo "${model}: a message without a capital"
		failed=1
	fi
	[ "$(xmllint --xpath 'count(/model/version)' "${model}")" = 1 ] || { echo "${model}: no version, so no migration"; failed=1; }
done

# A field of a form that the model does not have would be saved nowhere; one of the model that no form has could not be changed.
fields() { # $1 the form, $2 its prefix
	xmllint --xpath '//field/id/text()' "${app}/controllers/OPNsense/Carpd/forms/$1.xml" | sed "s/^$2\.//" | sort
}
leaves() { # $1 the model, $2 the path to the container
	count=$(xmllint --xpath "count($2/*)" "${app}/models/OPNsense/Carpd/$1.xml")
	index=1
	while [ "${index}" -le "${count}" ]; do
		xmllint --xpath "name($2/*[${index}])" "${app}/models/OPNsense/Carpd/$1.xml"
		echo
		index=$((index + 1))
	done | grep . | sort
}
agree() { # $1 form, $2 prefix, $3 model, $4 path
	fields "$1" "$2" >"${TMPDIR:-/tmp}/carpd-form.$$"
	leaves "$3" "$4" | diff "${TMPDIR:-/tmp}/carpd-form.$$" - >"${TMPDIR:-/tmp}/carpd-diff.$$" || {
		echo "forms/$1.xml and $3.xml do not agree:"
		cat "${TMPDIR:-/tmp}/carpd-diff.$$"
		failed=1
	}
	rm -f "${TMPDIR:-/tmp}/carpd-form.$$" "${TMPDIR:-/tmp}/carpd-diff.$$"
}
agree general carpd.general Carpd /model/items/general
agree node node Node /model/items
agree dialogService service Carpd /model/items/services/service
agree dialogProbe probe Carpd /model/items/probes/probe

# Every action that PHP asks configd for exists, and every program that an action names is in the plugin or in the package.
actions=${plugin}/service/conf/actions.d/actions_carpd.conf
grep -rhoE "(ask|change)\('[a-z_ ]+'" "${app}/controllers/OPNsense/Carpd/Api/StatusController.php" \
	"${app}/controllers/OPNsense/Carpd/Api/MaintenanceController.php" | sed "s/.*('//; s/'//" | sort -u | while read -r action; do
	name=$(echo "${action}" | tr ' ' '.')
	grep -qx "\[${name}\]" "${actions}" || grep -qx "\[maintenance.${name}\]" "${actions}" || echo "no action ${action}"
done | grep . && failed=1
sed -n 's/^command:\([^ ]*\).*/\1/p' "${actions}" | sort -u | while read -r program; do
	case ${program} in
	/usr/local/sbin/carpctl | /usr/local/etc/rc.d/carpd | /usr/bin/timeout) ;;
	/usr/local/opnsense/*) [ -x "${plugin}/${program#/usr/local/opnsense/}" ] || echo "no ${program}" ;;
	/usr/local/etc/*) [ -x "${plugin}/../${program#/usr/local/}" ] || echo "no ${program}" ;;
	*) echo "an unknown program ${program}" ;;
	esac
done | grep . && failed=1

# An answer that a page reads has to come back as text.
awk '/^\[/ { name = $0 } /^type:/ { type[name] = $0 } END { for (name in type) if (name ~ /show|status/ && type[name] != "type:script_output") print name }' \
	"${actions}" | grep . && failed=1

exit "${failed}"
