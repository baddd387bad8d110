#pragma once
#include <uv.h>
#ifdef __linux__
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>
#endif

/* A descriptor that is readable when an address, a link or a route of this machine has changed; -1
   where there is none. Swift does not import the masks of groups. */
static inline int hl_network_watch(void) {
#ifdef __linux__
    struct sockaddr_nl groups = {
        .nl_family = AF_NETLINK,
        .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE
            | RTMGRP_IPV6_ROUTE,
    };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&groups, sizeof groups) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
#else
    return -1;
#endif
}
