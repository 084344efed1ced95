/* The questions, each from the specification that is named at it. */
#include "scanner/packet/payload_judge.h"

/* RFC 1035, section 4.1, and RFC 4892, section 2: the name server's version, class CHAOS. It is small both ways, and a
 * server that does not tell it refuses, which is an answer too. */
static const uint8_t dns[] = {
    0, 0,   0x00, 0x00, 0,   1,   0,   0,   0, 0,   0,   0, /* id, flags, one question */
    7, 'v', 'e',  'r',  's', 'i', 'o', 'n', 4, 'b', 'i', 'n', 'd', 0, 0, 16, 0, 3,
};

/* RFC 1350, section 5: a read request for a file that is hardly there, in octet mode. */
static const uint8_t tftp[] = {
    0, 1, 'l', 'e', 'a', 's', 't', 'p', 'o', 'r', 't', 0, 'o', 'c', 't', 'e', 't', 0,
};

/* RFC 5531, section 9: a call without credentials. RFC 1833, section 3: program 100000, version 2, procedure 0, which
 * by convention does nothing in any program. */
static const uint8_t portmap[] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x01, 0x86, 0xa0, 0, 0, 0, 2,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0,    0,    0, 0, 0, 0,
};

/* The same for NFS, program 100003, version 3 (RFC 1813, section 3.3.0). */
static const uint8_t nfs[] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x01, 0x86, 0xa3, 0, 0, 0, 3,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0,    0,    0, 0, 0, 0,
};

/* RFC 5905, section 7.3: version 4, mode 3 (client); all that a client need not say is 0. */
static const uint8_t ntp[] = {0x23};

/* RFC 1002, section 4.2.17: the node's status, of the name "*" in the encoding of RFC 1001, section 14.1. */
static const uint8_t netbios[] = {
    0,   0,   0x00, 0x00, 0,   1,   0,   0,   0,   0,   0,   0,   32,                 /* as in DNS */
    'C', 'K', 'A',  'A',  'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', /* 0x2a, then zeros */
    'A', 'A', 'A',  'A',  'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A', 0, 0, 0x21, 0, 1,
};

/* RFC 3414, section 4: asks for the engine's id, which needs no name and no key: a reportable GetRequest with every
 * field empty (RFC 3412, section 6). */
static const uint8_t snmp3[] = {
    0x30, 0x3b, 0x02, 1,    3, /* version 3 */
    0x30, 0x11, 0x02, 4,    0x4a, 0, 0,    0,    0x02, 3,
    0,    0xff, 0xe3, 0x04, 1,    4, 0x02, 1,    3, /* msgID, size, flags, USM */
    0x04, 0x10, 0x30, 0x0e, 0x04, 0, 0x02, 1,    0,    0x02,
    1,    0,    0x04, 0,    0x04, 0, 0x04, 0, /* UsmSecurityParameters */
    0x30, 0x11, 0x04, 0,    0x04, 0, 0xa0, 0x0b, 0x02, 1,
    0,    0x02, 1,    0,    0x02, 1, 0,    0x30, 0, /* ScopedPDU */
};

/* RFC 1157, section 4.1.2: the GetRequest for sysDescr.0 with the community that the RFC takes as its example. */
static const uint8_t snmp1[] = {
    0x30, 0x29, 0x02, 1,    0,    0x04, 6,    'p', 'u',  'b', 'l', 'i',  'c',          /* version 1 */
    0xa0, 0x1c, 0x02, 4,    0x4a, 0,    0,    0,   0x02, 1,   0,   0x02, 1,   0,       /* request-id, no error */
    0x30, 0x0e, 0x30, 0x0c, 0x06, 8,    0x2b, 6,   1,    2,   1,   1,    1,   0, 5, 0, /* 1.3.6.1.2.1.1.1.0, NULL */
};

/* RFC 4511, section 4.5.1, over UDP as RFC 1798 had it and Active Directory has (MS-ADTS, section 6.3.3): one
 * short attribute of the root entry. */
static const uint8_t ldap[] = {
    0x30, 0x3e, 0x02, 4,    0x4a, 0,   0,    0,   0x63, 0x36, 0x04, 0,   0x0a, 1,   0,   0x0a, 1,   0, /* messageID;
                                                                                                          base "", this
                                                                                                          entry */
    0x02, 1,    0,    0x02, 1,    0,   0x01, 1,   0,                          /* no limits, with values */
    0x87, 11,   'o',  'b',  'j',  'e', 'c',  't', 'C',  'l',  'a',  's', 's', /* present */
    0x30, 0x16, 0x04, 20,   's',  'u', 'p',  'p', 'o',  'r',  't',  'e', 'd',  'L', 'D', 'A',  'P', 'V', 'e',
    'r',  's',  'i',  'o',  'n',
};

/* RFC 9000, sections 6.1 and 15: a version that is reserved for forcing Version Negotiation, in a datagram that is long
 * enough to be answered (section 14.1). Destination connection id, then our own, the cookie. */
static const uint8_t quic[] = {
    0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8, 'l', 'e', 'a', 's', 't', 'p', 'r', 't', 8, 0, 0, 0, 0, 0, 0, 0, 0,
};

/* RFC 7296, sections 1.2, 3.3, 3.4 and 3.9: IKE_SA_INIT with AES-CBC-128, HMAC-SHA2-256, groups 19 and 14. The public
 * value for group 19 is the curve's own base point (SEC 2, section 2.4.2): nobody is going to derive a key from it. */
#define IKE_SA_INIT                                                                                                    \
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 33, 0x20, 34, 0x08, 0, 0, 0, 0, 0, 0, 0, 176, 34, 0, 0, 56, 0, 0,  \
        0, 52, 1, 1, 0, 5, 3, 0, 0, 12, 1, 0, 0, 12, 0x80, 14, 0, 128, 3, 0, 0, 8, 2, 0, 0, 5, 3, 0, 0, 8, 3, 0, 0,    \
        12, 3, 0, 0, 8, 4, 0, 0, 19, 0, 0, 0, 8, 4, 0, 0, 14, 40, 0, 0, 72, 0, 19, 0, 0, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, \
        0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33,    \
        0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e,    \
        0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40,    \
        0x68, 0x37, 0xbf, 0x51, 0xf5, 0, 0, 0, 20, 'a', ' ', 'l', 'e', 'a', 's', 't', 'p', 'o', 'r', 't', ' ', 's',    \
        'c', 'a', 'n'

static const uint8_t ike[] = {IKE_SA_INIT};

/* RFC 7296, section 2.23: behind four zeros, which tell it from ESP. */
static const uint8_t ike_nat[] = {0, 0, 0, 0, IKE_SA_INIT};

/* ASF 2.0 (DMTF DSP0136), section 3.2.4: Presence Ping; sequence number ff asks for no acknowledgement. */
static const uint8_t rmcp[] = {6, 0, 0xff, 6, 0, 0, 0x11, 0xbe, 0x80, 0x4c, 0, 0};

/* UPnP Device Architecture 2.0, section 1.3.2. */
static const uint8_t ssdp[] = "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\n"
                              "ST: upnp:rootdevice\r\n\r\n";

/* RFC 8489, section 5: a Binding request without attributes. */
static const uint8_t stun[] = {0x00, 0x01, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

/* RFC 3261, sections 8.1.1 and 11; `rport` (RFC 3581) has the answer come to where the question came from. The names
 * are of the domain that RFC 2606 keeps from existing. */
#define SIP_VIA "OPTIONS sip:leastport.invalid SIP/2.0\r\nVia: SIP/2.0/UDP leastport.invalid;rport;branch=z9hG4bK"
static const uint8_t sip[] =
    SIP_VIA "00000000\r\nMax-Forwards: 70\r\nTo: <sip:leastport.invalid>\r\n"
            "From: <sip:scan@leastport.invalid>;tag=scan\r\nCall-ID: scan@leastport.invalid\r\n"
            "CSeq: 1 OPTIONS\r\nAccept: application/sdp\r\nContent-Length: 0\r\n\r\n";

/* RFC 6762, section 6.7 (a query from another port than 5353 is answered by unicast, with its id), and RFC 6763,
 * section 9: which kinds of services there are. */
static const uint8_t mdns[] = {
    0,   0,   0x00, 0x00, 0,   1,   0,   0, 0,   0,   0,   0,   9, '_', 's', 'e', 'r', 'v', 'i', 'c', 'e', 's', 7,
    '_', 'd', 'n',  's',  '-', 's', 'd', 4, '_', 'u', 'd', 'p', 5, 'l', 'o', 'c', 'a', 'l', 0,   0,   12,  0,   1,
};

/* RFC 7252, sections 3 and 3.1: a confirmable GET of /.well-known/core (RFC 6690, section 4) with a token of 4 bytes.
 */
static const uint8_t coap[] = {
    0x44, 0x01, 0, 0, 0, 0, 0, 0, 0xbb, '.', 'w', 'e', 'l', 'l', '-', 'k', 'n', 'o', 'w', 'n', 0x04, 'c', 'o', 'r', 'e',
};

/* memcached's protocol.txt, "UDP protocol": request id, datagram 0 of 1, reserved; then a command. */
static const uint8_t memcached[] = {0, 0, 0, 0, 0, 1, 0, 0, 'v', 'e', 'r', 's', 'i', 'o', 'n', '\r', '\n'};

#define BYTES(bytes) .length = sizeof(bytes), .head = (bytes), .head_length = sizeof(bytes)
#define TEXT(text) .length = sizeof(text) - 1, .head = (text), .head_length = sizeof(text) - 1
#define PADDED(bytes, size) .length = (size), .head = (bytes), .head_length = sizeof(bytes)
#define COOKIE(at, size) .cookie_at = (at), .cookie_size = (size)

const struct payload payload_table[] = {
    {"dns", 53, BYTES(dns), COOKIE(0, 2), .judge = payload_judge_dns},
    {"tftp", 69, BYTES(tftp), .moves_port = true, .judge = payload_judge_tftp},
    {"portmap", 111, BYTES(portmap), COOKIE(0, 4), .judge = payload_judge_rpc},
    {"ntp", 123, PADDED(ntp, 48), COOKIE(40, 8), .judge = payload_judge_ntp},
    {"netbios-ns", 137, BYTES(netbios), COOKIE(0, 2), .judge = payload_judge_dns},
    {"snmp", 161, BYTES(snmp3), COOKIE(10, 3), .judge = payload_judge_snmp},
    {"snmp", 161, BYTES(snmp1), COOKIE(18, 3), .judge = payload_judge_snmp},
    {"cldap", 389, BYTES(ldap), COOKIE(5, 3), .judge = payload_judge_ldap},
    {"quic", 443, PADDED(quic, 1200), COOKIE(15, 8), .judge = payload_judge_quic},
    {"ike", 500, BYTES(ike), COOKIE(0, 8), .judge = payload_judge_ike},
    {"rmcp", 623, BYTES(rmcp), .judge = payload_judge_rmcp},
    {"ssdp", 1900, TEXT(ssdp), .judge = payload_judge_ssdp},
    {"nfs", 2049, BYTES(nfs), COOKIE(0, 4), .judge = payload_judge_rpc},
    {"stun", 3478, BYTES(stun), COOKIE(8, 12), .judge = payload_judge_stun},
    {"ike", 4500, BYTES(ike_nat), COOKIE(4, 8), .judge = payload_judge_ike},
    {"sip", 5060, TEXT(sip), COOKIE(sizeof(SIP_VIA) - 1, 8), .cookie_is_hex = true, .judge = payload_judge_sip},
    {"mdns", 5353, BYTES(mdns), COOKIE(0, 2), .judge = payload_judge_dns},
    {"coap", 5683, BYTES(coap), COOKIE(2, 6), .judge = payload_judge_coap},
    {"quic", 8443, PADDED(quic, 1200), COOKIE(15, 8), .judge = payload_judge_quic},
    {"memcached", 11211, BYTES(memcached), COOKIE(0, 2), .judge = payload_judge_memcached},
};

const size_t payload_table_size = sizeof(payload_table) / sizeof(*payload_table);
