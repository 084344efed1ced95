/* What a cloud's rules say of ports beside what was seen of them: the join, and the findings that come of it. Pure. */
#ifndef LEASTPORT_AUDITD_POLICY_CLOUD_DECLARED_H
#define LEASTPORT_AUDITD_POLICY_CLOUD_DECLARED_H

#include "auditd/policy/judge.h"
#include "auditd/reach/engine.h"
#include "auditd/reach/flaw.h"

enum observed { OBSERVED_OPEN, OBSERVED_CLOSED, OBSERVED_FILTERED };

enum declared_says {
    DECLARED_NOTHING,
    DECLARED_EXPOSED,      /* the world may reach it, and it is open */
    DECLARED_EMPTY_ROOM,   /* the world may reach it, and nothing listens */
    DECLARED_SILENT,       /* the world may reach it, and gets no answer: a host's firewall, or what is not modelled */
    DECLARED_UNLOOKED,     /* the world may reach it, and nobody has looked */
    DECLARED_CONTRADICTED, /* it answers the world although nothing lets it */
    DECLARED_TRAP,         /* let in, and the answer cannot leave: the network ACL trap */
    DECLARED_MANAGED,      /* the world may log in, where Session Manager does it; no join says so */
    DECLARED_PLAIN,        /* a balancer serves the world in clear what it could redirect; no join says so */
    DECLARED_UNREAD,       /* something was not read: what is declared is not known */
};

/* What both together say. `observed` and the vantage's class matter only where somebody looked. */
enum declared_says cloud_declared_join(enum reach_verdict verdict, enum observed observed, bool looked,
                                       enum vantage_class vantage_class);

enum { DECLARED_NAME_SIZE = 128, DECLARED_WORDS_SIZE = 256 };

/* What is declared of one port of a host towards the world: the widest of its ways. */
struct cloud_declared {
    enum reach_verdict verdict;
    double share;   /* of the world's addresses that get in */
    bool is_bypass; /* both by way of a balancer and around it */
    char way[DECLARED_NAME_SIZE];
    char record[DECLARED_NAME_SIZE];
    char words[DECLARED_WORDS_SIZE];
    bool world_looked;    /* a vantage of the world asked at the port */
    struct verdict world; /* the policy's, were it seen open from the world */
};

enum { DECLARED_KINDS = 3 };

/* How the rules of such findings begin; the kind follows. */
#define CLOUD_DECLARED_RULE "cloud/"

/* The exposure's `declared` must be set. How many of *ret_verdicts were filled in, each a finding of another kind:
 * "declared-exposure", "undeclared-exposure", "balancer-bypass". A declared exposure that no vantage of the world has
 * looked at has the evidence 0.7, one that such a vantage did not find open 0.4; what was seen 1. Where only a part of
 * the world is let in, it is not known of which part a vantage is: its silence says nothing. */
size_t cloud_declared_judge(const struct exposure *exposure, const struct verdict *exposure_verdict,
                            struct verdict ret_verdicts[DECLARED_KINDS]);

/* Ports of a host that no scan saw open, or that get no answer out; told as one finding. */
struct declared_ports {
    const char *subject; /* how the title begins: "Redis on 6379/tcp", "5 ports (22, 80-83/tcp)" */
    bool is_plural;
    bool is_running;            /* the host is known to be up */
    const struct addr *address; /* NULL: none is known */
};

/* The finding that no scan sees: `says` is DECLARED_EMPTY_ROOM ("empty-room"), DECLARED_SILENT ("declared-silent"),
 * DECLARED_UNLOOKED ("declared-unlooked"), DECLARED_TRAP ("acl-trap"), DECLARED_MANAGED ("managed-login") or
 * DECLARED_PLAIN ("plain-listener"). Evidence 0.7 where nobody has looked, else 0.4; of the last three 1.
 * `declared->world` is the worst of the ports. */
void cloud_declared_claim(enum declared_says says, const struct cloud_declared *declared,
                          const struct declared_ports *ports, struct verdict *ret_verdict);

/* "wide-database": `like` is how the policy judges the port from where `source` ("10.0.0.0/8", "the VPC's default group
 * sg-1") is let in by `group`. Evidence 0.7, for nobody has looked from there. */
void cloud_declared_wide(const struct verdict *like, const char *group, const char *source, const struct addr *address,
                         struct verdict *ret_verdict);

/* What is wrong with a network's rules (auditd/reach/flaw.h): all flaws of one kind that it has. */
struct declared_flaws {
    const char *network;
    enum reach_flaw_kind kind;
    size_t count;
    const char *words; /* the first of them, a line each */
};

/* Hygiene: nobody gets in by it, and nothing but the weight of advice counts against its network. */
void cloud_declared_flaws(const struct declared_flaws *flaws, struct verdict *ret_verdict);

#endif
