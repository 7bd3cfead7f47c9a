# A user without privileges is told what is possible and what is not, changes nothing, and never sees a key.

id nobody > /dev/null 2>&1 || skip "there is no user nobody"
pair lan
i=$(if_of fw1 lan)
cp "$CARPCTL" "$WORK/carpctl" && chmod 755 "$WORK/carpctl"
chmod 755 "$CASE" "$CASE/fw1"

nobody() {
	jexec -U nobody "$P.fw1" "$WORK/carpctl" --color never "$@"
}

step "without a daemon the kernel is asked, and tells it to everybody"
conf fw1 < /dev/null
exits 0 nobody status
has "status" "$SAID" "MASTER"
exits 0 nobody is-master "1@$i"

step "the group may look"
{ echo 'group = "nobody"'; } | conf fw1
carpd_start fw1
S="--socket $CASE/fw1/carpd.sock"
# shellcheck disable=SC2086 # two words
exits 0 nobody $S status
has "status" "$SAID" "$i +MASTER"
# shellcheck disable=SC2086
exits 0 nobody $S status --json
has_not "status --json" "$SAID" "of-the-suite"
# shellcheck disable=SC2086
exits 1 nobody $S maintenance enter
has "the refusal" "$SAID" "nobody|permitted|root|admin_group"
is "the demotion" "$(demotion fw1)" 0
carpd_kill fw1 TERM

step "others may not"
conf fw1 < /dev/null
carpd_start fw1
# shellcheck disable=SC2086
exits 3 nobody $S history
has "the refusal" "$SAID" "wheel|group|permission|Permission"
# shellcheck disable=SC2086
exits 3 nobody $S maintenance enter
is "the demotion" "$(demotion fw1)" 0
is "the state" "$(state fw1 lan 1)" MASTER
