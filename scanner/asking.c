#include "scanner/asking.h"

#include "scanner/limits.h"
#include "scanner/service/inquirer.h"
#include "scanner/service/rules.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { RESERVED_DESCRIPTORS = 16 };

struct asking {
    struct asking_options options;
    struct tls_context *tls;
    struct rules *rules;
    uint64_t most_pps;
    uint64_t connects; /* of the slabs that are done */
    struct asking_slab slab;
    struct inquirer *inquirer;
};

int asking_create(const struct asking_options *options, struct asking **ret_asking, struct problem *problem)
{
    struct asking *asking = calloc(1, sizeof(*asking));
    int rc;

    if (asking == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    asking->options = *options;
    rc = tls_context_create(&asking->tls, problem);
    if (rc == 0) {
        rc = rules_create(&asking->rules, problem);
    }
    if (rc == 0) {
        /* Where that fails, what there is must do. */
        (void)!limits_raise_descriptors();
    }
    if (rc < 0) {
        asking_destroy(asking);
        return rc;
    }
    *ret_asking = asking;
    return 0;
}

void asking_destroy(struct asking *asking)
{
    if (asking != NULL) {
        asking_end(asking);
        tls_context_destroy(asking->tls);
        rules_destroy(asking->rules);
        free(asking);
    }
}

/* What the inquirer is to ask. */

/* Another shard's are not. */
static uint32_t count_probed(const struct asking *asking, uint32_t host)
{
    uint32_t end = hostgroup_first_probe(asking->slab.group, host + 1);
    uint32_t probed = 0;

    for (uint32_t probe = hostgroup_first_probe(asking->slab.group, host); probe < end; probe++) {
        probed += slab_answer(asking->slab.slab, probe) != PROBE_NONE || slab_tried(asking->slab.slab, probe);
    }
    return probed;
}

static void source_host(const void *context, uint32_t host, struct inquirer_host *ret_host)
{
    const struct asking *asking = context;
    const struct slab_host *facts = slab_host(asking->slab.slab, host);
    struct addr addr = hostgroup_addr(asking->slab.group, host);
    bool barred =
        facts->told || facts->counts[PROBE_SYN_ACK] == 0 || asking->slab.is_barred(asking->slab.context, &addr);

    *ret_host = (struct inquirer_host){.addr = addr};
    if (!barred) {
        ret_host->name = plan_name(asking->options.plan, &addr);
        ret_host->probed = count_probed(asking, host);
        ret_host->open = facts->counts[PROBE_SYN_ACK];
        ret_host->is_every_port = facts->every_port;
    }
}

/* The host's first probe of a port from `from` on, or the end of its probes. */
static uint32_t first_probe_from(const struct hostgroup *group, uint32_t host, uint32_t from)
{
    uint32_t low = hostgroup_first_probe(group, host);
    uint32_t high = hostgroup_first_probe(group, host + 1);

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t found;
        uint16_t port;
        hostgroup_probe(group, middle, &found, &port);
        if (port < from) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int32_t source_next_port(const void *context, uint32_t host, uint32_t from)
{
    const struct asking *asking = context;
    uint32_t end = hostgroup_first_probe(asking->slab.group, host + 1);
    struct addr addr = hostgroup_addr(asking->slab.group, host);

    for (uint32_t probe = first_probe_from(asking->slab.group, host, from); probe < end; probe++) {
        if (slab_answer(asking->slab.slab, probe) == PROBE_SYN_ACK && !slab_asked(asking->slab.slab, probe)) {
            uint32_t found;
            uint16_t port;
            hostgroup_probe(asking->slab.group, probe, &found, &port);
            if (!plan_is_known(asking->options.plan, &addr, port)) {
                return port;
            }
        }
    }
    return -1;
}

static bool source_was_probed(const void *context, uint32_t host, uint16_t port)
{
    const struct asking *asking = context;
    struct addr addr = hostgroup_addr(asking->slab.group, host);

    return hostgroup_find(asking->slab.group, &addr, port) >= 0;
}

/* What it tells. */

static void on_identified(void *context, uint32_t host, uint16_t port, const struct identity *identity)
{
    struct asking *asking = context;
    struct facts facts;
    struct report_answer answer = {.host = hostgroup_addr(asking->slab.group, host),
                                   .port = port,
                                   .facts = &facts,
                                   .evidence = &identity->evidence,
                                   .certificate = {identity->certificate, identity->certificate_size}};
    int64_t probe = hostgroup_find(asking->slab.group, &answer.host, port);

    facts_copy(&facts, &identity->facts);
    rules_apply(asking->rules, &facts);
    report_service(asking->options.report, &answer);
    slab_set_asked(asking->slab.slab, (uint32_t)probe);
}

static void on_every_port(void *context, uint32_t host)
{
    struct asking *asking = context;
    struct addr addr = hostgroup_addr(asking->slab.group, host);
    char text[ADDR_TEXT_SIZE];

    slab_host(asking->slab.slab, host)->every_port = true;
    report_notice(
        asking->options.report, "every-port", &addr,
        "%s: it accepts connections on ports that nobody uses: a middlebox or a tarpit answers for it. Of its "
        "%" PRIu32 " open ports only those are asked where a service is likely, and told where one answers",
        addr_format(&addr, text), slab_host(asking->slab.slab, host)->counts[PROBE_SYN_ACK]);
}

static void on_host_done(void *context, uint32_t host)
{
    struct asking *asking = context;
    struct slab_host *facts = slab_host(asking->slab.slab, host);

    if (!facts->told) {
        asking->slab.host_done(asking->slab.context, host);
        facts->told = true;
    }
}

static void on_exhausted(void *context, int error)
{
    struct asking *asking = context;
    const char *what = error == EADDRNOTAVAIL || error == EADDRINUSE ? "no local port is free" : strerror(error);

    report_notice(asking->options.report, "exhausted", NULL,
                  "this machine: %s: services are asked later (\"leastport doctor\" says what would help)", what);
}

static uint32_t room_for_sockets(void)
{
    struct limits limits;
    uint64_t taken;

    if (limits_read(&limits) < 0) {
        return 1;
    }
    taken = limits.descriptors_open + RESERVED_DESCRIPTORS;
    if (limits.descriptors_soft <= taken) {
        return 1;
    }
    return limits.descriptors_soft - taken < UINT16_MAX ? (uint32_t)(limits.descriptors_soft - taken) : UINT16_MAX;
}

int asking_begin(struct asking *asking, const struct asking_slab *slab, struct problem *problem)
{
    uint64_t rate = plan_rate_pps(asking->options.plan);
    struct inquirer_options options = {
        .scope = asking->options.scope,
        .tls = asking->tls,
        .rate = pacer_rate_of(rate, rate < 100     ? 1
                                    : rate > 25600 ? 256
                                                   : (uint32_t)(rate / 100)),
        .host_rate = pacer_rate_of(plan_host_rate_pps(asking->options.plan), 1),
        .sockets = room_for_sockets(),
        .per_host = INQUIRER_PER_HOST,
        .doors = plan_asks_doors(asking->options.plan),
        .printers = plan_asks_printers(asking->options.plan),
        .wake_fd = asking->options.wake_fd,
        .source = {slab_hosts(slab->slab), source_host, source_next_port, source_was_probed, asking},
        .listener = {on_identified, on_every_port, on_host_done, on_exhausted, asking}};
    int rc;

    memcpy(options.seed, plan_seed(asking->options.plan), sizeof(options.seed));
    asking->slab = *slab;
    rc = inquirer_create(&options, &asking->inquirer);
    if (rc < 0) {
        return problem_set(problem, rc, "asking what answers: %s", strerror(-rc));
    }
    inquirer_limit(asking->inquirer, asking->most_pps);
    return 0;
}

int asking_step(struct asking *asking, struct mono_time until, struct problem *problem)
{
    int rc = inquirer_step(asking->inquirer, until);

    if (rc == -ENOBUFS) {
        return problem_set(problem, rc,
                           "this machine has had no room for a single connection for a minute; \"leastport doctor\" "
                           "says what would help");
    }
    if (rc == -EPERM || rc == -EACCES) {
        return problem_set(problem, rc,
                           "the guard refused a connection that the plan should not have held; nothing was sent");
    }
    return rc < 0 ? problem_set(problem, rc, "asking what answers: %s", strerror(-rc)) : 0;
}

void asking_limit(struct asking *asking, uint64_t most_pps)
{
    asking->most_pps = most_pps;
    if (asking->inquirer != NULL) {
        inquirer_limit(asking->inquirer, most_pps);
    }
}

void asking_stop(struct asking *asking)
{
    if (asking->inquirer != NULL) {
        inquirer_stop(asking->inquirer);
    }
}

bool asking_is_done(const struct asking *asking)
{
    return inquirer_is_done(asking->inquirer);
}

bool asking_is_complete(const struct asking *asking)
{
    return inquirer_is_complete(asking->inquirer);
}

void asking_end(struct asking *asking)
{
    asking->connects = asking_connects(asking);
    inquirer_destroy(asking->inquirer);
    asking->inquirer = NULL;
}

uint64_t asking_connects(const struct asking *asking)
{
    return asking->connects + (asking->inquirer != NULL ? inquirer_connects(asking->inquirer) : 0);
}
