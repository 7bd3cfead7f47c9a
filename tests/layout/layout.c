/*
 * What FreeBSD's own headers say about everything that carpd writes and reads byte by byte. Only compiled, never linked or
 * run: tests/layout.rs finds the table in the object file by its first entry and compares it with the codecs.
 */
#include <sys/param.h>
#include <sys/socket.h>
#include <sys/sockio.h>
#include <sys/un.h>

#include <net/if.h>
#include <net/if_dl.h>
#include <net/if_types.h>
#include <net/pfvar.h>
#include <net/if_pfsync.h>
#include <netinet/in.h>
#include <netinet/in_var.h>
#include <netinet6/in6_var.h>
#include <netinet/ip_carp.h>
#include <netinet/ip_carp_nl.h>
#include <netlink/netlink.h>
#include <netlink/netlink_generic.h>
#include <netlink/netlink_route.h>

#include <ifaddrs.h>
#include <stddef.h>
#include <stdint.h>

struct entry {
	char name[56];
	uint64_t value;
};

#define	VALUE(x)	{ #x, (uint64_t)(x) }
#define	SIZE(type)	{ "sizeof " #type, sizeof(struct type) }
#define	FIELD(type, f)	{ #type "." #f, offsetof(struct type, f) }

#define	ENTRIES								\
	/* CARP's ioctls */						\
	VALUE(SIOCSVH), VALUE(SIOCGVH),					\
	SIZE(carpreq), FIELD(carpreq, carpr_count),			\
	FIELD(carpreq, carpr_vhid), FIELD(carpreq, carpr_state),	\
	FIELD(carpreq, carpr_advskew), FIELD(carpreq, carpr_advbase),	\
	FIELD(carpreq, carpr_key), VALUE(CARP_KEY_LEN),			\
	VALUE(CARP_MAXVHID), VALUE(CARP_MAXSKEW),			\
	SIZE(ifreq), FIELD(ifreq, ifr_name), FIELD(ifreq, ifr_data),	\
	FIELD(ifreq, ifr_addr), FIELD(ifreq, ifr_flags),		\
	FIELD(ifreq, ifr_flagshigh),					\
	FIELD(ifreq, ifr_cap_nv.buf_length),				\
	FIELD(ifreq, ifr_cap_nv.length),				\
	FIELD(ifreq, ifr_cap_nv.buffer), VALUE(IFNAMSIZ),		\
	SIZE(carpstats), FIELD(carpstats, carps_ipackets),		\
	FIELD(carpstats, carps_ipackets6),				\
	FIELD(carpstats, carps_badauth),				\
	FIELD(carpstats, carps_badvhid),				\
	FIELD(carpstats, carps_opackets),				\
	FIELD(carpstats, carps_opackets6),				\
	/* CARP's netlink family */					\
	VALUE(CARP_NL_CMD_GET), VALUE(CARP_NL_CMD_SET),			\
	VALUE(CARP_NL_VHID), VALUE(CARP_NL_STATE),			\
	VALUE(CARP_NL_ADVBASE), VALUE(CARP_NL_ADVSKEW),			\
	VALUE(CARP_NL_KEY), VALUE(CARP_NL_ADDR), VALUE(CARP_NL_ADDR6),	\
	VALUE(CARP_NL_IFNAME),						\
	/* netlink */							\
	VALUE(AF_NETLINK), VALUE(NETLINK_ROUTE), VALUE(NETLINK_GENERIC),\
	SIZE(sockaddr_nl), FIELD(sockaddr_nl, nl_groups),		\
	SIZE(nlmsghdr), FIELD(nlmsghdr, nlmsg_len),			\
	FIELD(nlmsghdr, nlmsg_type), FIELD(nlmsghdr, nlmsg_flags),	\
	FIELD(nlmsghdr, nlmsg_seq),					\
	SIZE(genlmsghdr), FIELD(genlmsghdr, cmd),			\
	SIZE(nlattr), FIELD(nlattr, nla_len), FIELD(nlattr, nla_type),	\
	SIZE(nlmsgerr), FIELD(nlmsgerr, error),				\
	VALUE(NLMSG_ERROR), VALUE(NLMSG_DONE), VALUE(NLM_F_REQUEST),	\
	VALUE(NLM_F_ACK), VALUE(NLM_F_DUMP), VALUE(NLM_F_CREATE),	\
	VALUE(NLM_F_EXCL), VALUE(NLMSGERR_ATTR_MSG),			\
	VALUE(NLA_F_NESTED), VALUE(SOL_NETLINK),			\
	VALUE(NETLINK_ADD_MEMBERSHIP), VALUE(NETLINK_EXT_ACK),		\
	VALUE(GENL_ID_CTRL), VALUE(CTRL_CMD_GETFAMILY),			\
	VALUE(CTRL_ATTR_FAMILY_ID), VALUE(CTRL_ATTR_FAMILY_NAME),	\
	VALUE(CTRL_ATTR_MCAST_GROUPS), VALUE(CTRL_ATTR_MCAST_GRP_NAME),	\
	VALUE(CTRL_ATTR_MCAST_GRP_ID),					\
	/* addresses over netlink */					\
	{ "RTM_NEWADDR", NL_RTM_NEWADDR },				\
	{ "RTM_DELADDR", NL_RTM_DELADDR },				\
	{ "RTM_GETADDR", NL_RTM_GETADDR },				\
	{ "RTM_NEWLINK", NL_RTM_NEWLINK },				\
	{ "RTM_DELLINK", NL_RTM_DELLINK },				\
	SIZE(ifaddrmsg), FIELD(ifaddrmsg, ifa_family),			\
	FIELD(ifaddrmsg, ifa_prefixlen), FIELD(ifaddrmsg, ifa_index),	\
	SIZE(ifinfomsg), FIELD(ifinfomsg, ifi_index),			\
	FIELD(ifinfomsg, ifi_flags),					\
	SIZE(ifa_cacheinfo), FIELD(ifa_cacheinfo, ifa_prefered),	\
	FIELD(ifa_cacheinfo, ifa_valid),				\
	VALUE(IFA_ADDRESS), VALUE(IFA_LOCAL), VALUE(IFA_CACHEINFO),	\
	VALUE(IFA_FREEBSD), VALUE(IFAF_VHID), VALUE(IFLA_IFNAME),	\
	VALUE(RTNLGRP_LINK), VALUE(RTNLGRP_IPV4_IFADDR),		\
	VALUE(RTNLGRP_IPV6_IFADDR),					\
	/* addresses by ioctl */					\
	VALUE(AF_INET), VALUE(AF_INET6), VALUE(AF_LINK),		\
	VALUE(SIOCAIFADDR), VALUE(SIOCDIFADDR),				\
	VALUE(SIOCAIFADDR_IN6), VALUE(SIOCDIFADDR_IN6),			\
	VALUE(SIOCGIFFLAGS), VALUE(SIOCSIFFLAGS), VALUE(IFF_UP),	\
	SIZE(in_aliasreq), FIELD(in_aliasreq, ifra_addr),		\
	FIELD(in_aliasreq, ifra_mask), FIELD(in_aliasreq, ifra_vhid),	\
	SIZE(in6_aliasreq), FIELD(in6_aliasreq, ifra_addr),		\
	FIELD(in6_aliasreq, ifra_prefixmask),				\
	FIELD(in6_aliasreq, ifra_lifetime.ia6t_vltime),			\
	FIELD(in6_aliasreq, ifra_lifetime.ia6t_pltime),			\
	FIELD(in6_aliasreq, ifra_vhid), SIZE(in6_ifreq),		\
	FIELD(in6_ifreq, ifr_addr),		\
	SIZE(sockaddr), FIELD(sockaddr, sa_family),			\
	SIZE(sockaddr_in), FIELD(sockaddr_in, sin_len),			\
	FIELD(sockaddr_in, sin_family), FIELD(sockaddr_in, sin_addr),	\
	SIZE(sockaddr_in6), FIELD(sockaddr_in6, sin6_len),		\
	FIELD(sockaddr_in6, sin6_family),				\
	FIELD(sockaddr_in6, sin6_addr),					\
	FIELD(sockaddr_in6, sin6_scope_id),				\
	SIZE(sockaddr_un), FIELD(sockaddr_un, sun_path),		\
	/* interfaces */						\
	SIZE(ifaddrs), FIELD(ifaddrs, ifa_next),			\
	FIELD(ifaddrs, ifa_name), FIELD(ifaddrs, ifa_flags),		\
	FIELD(ifaddrs, ifa_addr), FIELD(ifaddrs, ifa_netmask),		\
	FIELD(ifaddrs, ifa_data),					\
	SIZE(if_data), FIELD(if_data, ifi_type),			\
	FIELD(if_data, ifi_link_state), FIELD(if_data, ifi_vhid),	\
	FIELD(if_data, ifi_datalen), FIELD(if_data, ifi_mtu),		\
	VALUE(LINK_STATE_UP), VALUE(IFT_ETHER), VALUE(IFT_L2VLAN),	\
	VALUE(IFT_BRIDGE), VALUE(IFF_MULTICAST),			\
	/* pfsync */							\
	VALUE(SIOCSETPFSYNC), VALUE(SIOCGETPFSYNC),			\
	VALUE(SIOCSETPFSYNCNV), VALUE(SIOCGETPFSYNCNV),			\
	SIZE(pfsyncreq), FIELD(pfsyncreq, pfsyncr_syncdev),		\
	FIELD(pfsyncreq, pfsyncr_syncpeer),				\
	FIELD(pfsyncreq, pfsyncr_maxupdates),				\
	FIELD(pfsyncreq, pfsyncr_defer),				\
	VALUE(PFSYNCF_OK), VALUE(PFSYNCF_DEFER),			\
	VALUE(PFSYNC_MSG_VERSION_UNSPECIFIED),				\
	VALUE(PFSYNC_MSG_VERSION_1301), VALUE(PFSYNC_MSG_VERSION_1400),	\
	FIELD(pfsyncstats, pfsyncs_ipackets),				\
	FIELD(pfsyncstats, pfsyncs_opackets),				\
	ENTRIES_OF_15

/* VRRP came with 15, as enumerators that the preprocessor does not know; this macro came with them. */
#ifdef VRRP_MAX_INTERVAL
#define	ENTRIES_OF_15							\
	VALUE(CARP_NL_VERSION), VALUE(CARP_NL_VRRP_PRIORITY),		\
	VALUE(CARP_NL_VRRP_ADV_INTER), VALUE(CARP_VERSION_VRRPv3),	\
	VALUE(VRRP_MAX_INTERVAL), VALUE(PFSYNC_MSG_VERSION_1500)
#else
#define	ENTRIES_OF_15
#endif

#define	COUNT (sizeof((const struct entry[]){ ENTRIES }) / sizeof(struct entry))

const struct entry layout[COUNT + 1] = {
	{ "carpd layout table, entries that follow", COUNT },
	ENTRIES
};
