/* The judges of payload_table.c: each knows one protocol's answers, as far as it takes to recognise them and the
 * transaction id that they bring back. Total: any bytes of any length. */
#ifndef LEASTPORT_SCANNER_PACKET_PAYLOAD_JUDGE_H
#define LEASTPORT_SCANNER_PACKET_PAYLOAD_JUDGE_H

#include "scanner/packet/payload.h"

payload_judge_fn payload_judge_dns; /* NetBIOS name service and mDNS share its header */
payload_judge_fn payload_judge_ntp;
payload_judge_fn payload_judge_snmp;
payload_judge_fn payload_judge_memcached;
payload_judge_fn payload_judge_ssdp;
payload_judge_fn payload_judge_tftp;
payload_judge_fn payload_judge_sip;
payload_judge_fn payload_judge_ike;
payload_judge_fn payload_judge_stun;
payload_judge_fn payload_judge_quic;
payload_judge_fn payload_judge_rpc;
payload_judge_fn payload_judge_ldap;
payload_judge_fn payload_judge_coap;
payload_judge_fn payload_judge_rmcp;

#endif
