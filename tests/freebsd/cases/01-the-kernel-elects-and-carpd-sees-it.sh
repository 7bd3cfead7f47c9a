# Each daemon sees what its own kernel says: MASTER, BACKUP and INIT.

pair lan wan
for n in fw1 fw2; do
	conf $n < /dev/null
	carpd_start $n
done

step "MASTER and BACKUP"
sees fw1 "1@$(if_of fw1 lan)" MASTER
sees fw1 "2@$(if_of fw1 wan)" MASTER
sees fw2 "1@$(if_of fw2 lan)" BACKUP
sees fw2 "2@$(if_of fw2 wan)" BACKUP
exits 0 ctl fw1 is-master "1@$(if_of fw1 lan)"
exits 1 ctl fw2 is-master "1@$(if_of fw2 lan)"

step "INIT on an interface that is down, and everything moves with it"
on fw1 ifconfig "$(if_of fw1 lan)" down
sees fw1 "1@$(if_of fw1 lan)" INIT
sees fw1 "2@$(if_of fw1 wan)" BACKUP
sees fw2 "1@$(if_of fw2 lan)" MASTER
sees fw2 "2@$(if_of fw2 wan)" MASTER
is "the kernel's demotion" "$(demotion fw1)" 240

step "and back"
on fw1 ifconfig "$(if_of fw1 lan)" up
sees fw1 "1@$(if_of fw1 lan)" MASTER
sees fw1 "2@$(if_of fw1 wan)" MASTER
sees fw2 "1@$(if_of fw2 lan)" BACKUP
is "the kernel's demotion" "$(demotion fw1)" 0

step "the same without the daemon"
carpd_kill fw1 TERM
exits 0 ctl fw1 is-master "1@$(if_of fw1 lan)"
SAID=$(ctl fw1 status)
has "status without a daemon" "$SAID" "MASTER"
