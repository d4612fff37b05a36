/* constants.h: the numbers of the DNS wire format that txtd names (IANA "Domain Name System (DNS) Parameters"). */
#ifndef TXTD_DATAPLANE_DNS_CONSTANTS_H
#define TXTD_DATAPLANE_DNS_CONSTANTS_H

#define DNS_HEADER_LEN      12
#define DNS_NAME_MAX        255 /* octets of a name in wire form, RFC 1035 section 2.3.4 */
#define DNS_LABEL_MAX       63
#define DNS_LABELS_MAX      127
#define DNS_UDP_DEFAULT     512  /* octets of an answer without EDNS, RFC 1035 section 2.3.4 */
#define DNS_UDP_PAYLOAD_MAX 1232 /* octets sent and advertised over UDP, RFC 9715 section 3.1 */
#define DNS_OPT_LEN         11   /* octets of an OPT record without options */
#define DNS_QNAME_OFFSET    DNS_HEADER_LEN

/* Octet 2 of the header */
#define DNS_FLAG_QR      0x80
#define DNS_FLAG_AA      0x04
#define DNS_FLAG_TC      0x02
#define DNS_FLAG_RD      0x01
#define DNS_OPCODE_MASK  0x78
#define DNS_OPCODE_QUERY 0

/* EDNS flags, the lower 16 bits of the OPT record's TTL */
#define DNS_EDNS_DO 0x8000

enum dns_rcode {
    DNS_RCODE_NOERROR = 0,
    DNS_RCODE_FORMERR = 1,
    DNS_RCODE_SERVFAIL = 2,
    DNS_RCODE_NXDOMAIN = 3,
    DNS_RCODE_NOTIMP = 4,
    DNS_RCODE_REFUSED = 5,
    DNS_RCODE_NOTAUTH = 9,
    DNS_RCODE_BADVERS = 16,
    DNS_RCODE_BADCOOKIE = 23,
};

enum dns_class { DNS_CLASS_IN = 1, DNS_CLASS_CH = 3, DNS_CLASS_ANY = 255 };

enum dns_type {
    DNS_TYPE_A = 1,
    DNS_TYPE_NS = 2,
    DNS_TYPE_CNAME = 5,
    DNS_TYPE_SOA = 6,
    DNS_TYPE_MX = 15,
    DNS_TYPE_TXT = 16,
    DNS_TYPE_SIG = 24,
    DNS_TYPE_AAAA = 28,
    DNS_TYPE_DNAME = 39,
    DNS_TYPE_OPT = 41,
    DNS_TYPE_DS = 43,
    DNS_TYPE_DNSKEY = 48,
    DNS_TYPE_HTTPS = 65,
    DNS_TYPE_NXNAME = 128,
    DNS_TYPE_TSIG = 250,
    DNS_TYPE_IXFR = 251,
    DNS_TYPE_AXFR = 252,
    DNS_TYPE_ANY = 255,
    DNS_TYPE_CAA = 257,
};

enum dns_edns_option {
    DNS_OPTION_NSID = 3,
    DNS_OPTION_COOKIE = 10,
    DNS_OPTION_TCP_KEEPALIVE = 11,
    DNS_OPTION_EDE = 15,
};

enum dns_extended_error { DNS_EDE_NONE = -1, DNS_EDE_NOT_AUTHORITATIVE = 20, DNS_EDE_INVALID_QUERY_TYPE = 30 };

#endif
