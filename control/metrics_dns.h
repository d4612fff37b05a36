/* metrics_dns.h: what the DNS workers count, kernel sockets' and XDP's, for metrics.c. */
#ifndef TXTD_CONTROL_METRICS_DNS_H
#define TXTD_CONTROL_METRICS_DNS_H

struct dns_server;
struct metrics_page;
struct xdp_interfaces;

/* `xdp` may be NULL. Any thread but a DNS worker. */
void metrics_write_dns(struct metrics_page *page, const struct dns_server *dns, struct xdp_interfaces *xdp);

#endif
