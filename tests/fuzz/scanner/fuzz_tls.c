/* A TLS client among hostile servers. The first byte chooses the versions that are offered (0x03 the lowest, 0x0c how
 * many more), whether the rest is what a server says (0x10) or damage to what a good one says, and how much comes at
 * once (0xe0). Damage is triples: a distance from the last place as two bytes, and what is put there; 0 for the end. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/scanner/service/tls_server.h"

enum { VERSIONS_MASK = 3, IS_RAW = 0x10, AT_ONCE_SHIFT = 5, DAMAGE_SIZE = 3, INSIDE_MAX = 4 * 1024 * 1024 };

static const struct tls_context *context(void)
{
    static struct tls_context *made;
    struct problem problem;

    if (made == NULL) {
        int rc = tls_context_create(&made, &problem);
        assert(rc == 0);
    }
    return made;
}

static const struct issued *issued(void)
{
    static struct issued made;

    if (made.key == NULL) {
        authority_issue(&made, &(struct wish){.common_name = "fuzz.example", .dns = {"a.example"}});
    }
    return &made;
}

static struct tls *client(uint8_t choice)
{
    struct tls_options options = {.name = "a.example", .host = "192.0.2.1", .alpn = "http/1.1"};
    struct tls *tls;
    int rc;

    options.lowest = choice & VERSIONS_MASK;
    options.highest = options.lowest + (choice >> 2 & VERSIONS_MASK);
    options.highest = options.highest > TLS_1_3 ? TLS_1_3 : options.highest;
    rc = tls_create(context(), &options, &tls);
    assert(rc == 0);
    return tls;
}

/* What holds at any time. */
static void check(const struct tls *tls, enum tls_state state, const struct tls_options *offered)
{
    enum tls_version agreed;

    assert((state == TLS_FAILED) == (tls_error(tls) != NULL));
    if (tls_error(tls) != NULL) {
        fuzz_check_text(tls_error(tls), strlen(tls_error(tls)));
    }
    if (tls_agreed(tls, &agreed)) {
        assert(agreed >= offered->lowest && agreed <= offered->highest);
    } else {
        assert(state != TLS_STANDS && state != TLS_ENDED);
    }
}

static void read_inside(struct tls *tls)
{
    uint8_t bytes[1024];
    size_t whole = 0;
    size_t size;

    while ((size = tls_read(tls, bytes, sizeof(bytes))) > 0) {
        whole += size;
        assert(size <= sizeof(bytes) && whole <= INSIDE_MAX);
    }
}

/* Everything that a server says, so much at once. */
static void hear(struct tls *tls, struct span bytes, size_t at_once)
{
    while (bytes.size > 0 && (tls_step(tls) == TLS_SHAKING || tls_step(tls) == TLS_STANDS)) {
        struct span now = {bytes.bytes, bytes.size < at_once ? bytes.size : at_once};
        size_t taken = tls_arrive(tls, now);
        assert(taken > 0 && taken <= now.size);
        bytes = span_from(bytes, taken);
        (void)tls_step(tls);
        read_inside(tls);
        tls_sent(tls, tls_outgoing(tls).size);
    }
}

/* Goes as far as the server has spoken by now; *at is the last place. */
static void do_damage(struct tls_server *server, struct wire_reader *damage, size_t *at)
{
    while (damage->rest.size >= DAMAGE_SIZE) {
        struct wire_reader ahead = *damage;
        size_t place = *at + wire_u16(&ahead);
        uint8_t flip = wire_u8(&ahead);
        if (place >= server->to_client.size) {
            return;
        }
        *damage = ahead;
        *at = place;
        server->to_client.bytes[place] ^= flip;
        server->to_client.size = flip == 0 ? place : server->to_client.size;
    }
}

/* The server's flights, each damaged before it goes over. */
static void shake_damaged(struct tls *tls, struct span triples, size_t at_once)
{
    struct wire_reader damage = wire_reader_of(triples);
    struct tls_server server;
    size_t at = 0;
    bool more = true;

    tls_server_init(&server, &(struct tls_server_options){.priorities = "NORMAL", .chain = {issued()}});
    while (more) {
        (void)tls_step(tls);
        tls_server_step(&server);
        at = at > server.to_client.at ? at : server.to_client.at;
        do_damage(&server, &damage, &at);
        more = tls_server_carry(&server, tls, at_once);
        read_inside(tls);
    }
    tls_server_done(&server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct facts facts;
    struct tls_options offered;
    struct tls *tls;
    size_t at_once;

    if (size == 0) {
        return 0;
    }
    offered = (struct tls_options){.lowest = data[0] & VERSIONS_MASK, .highest = TLS_1_3};
    tls = client(data[0]);
    at_once = (size_t)1 << 2 * (data[0] >> AT_ONCE_SHIFT);
    (void)tls_is_record((struct span){data + 1, size - 1});
    if ((data[0] & IS_RAW) != 0) {
        (void)tls_step(tls);
        tls_sent(tls, tls_outgoing(tls).size);
        hear(tls, (struct span){data + 1, size - 1}, at_once);
    } else {
        shake_damaged(tls, (struct span){data + 1, size - 1}, at_once);
    }
    check(tls, tls_step(tls), &offered);
    tls_closed(tls);
    (void)tls_step(tls);
    read_inside(tls);
    check(tls, tls_step(tls), &offered);
    assert(tls_step(tls) != TLS_SHAKING && tls_step(tls) != TLS_STANDS);
    facts_clear(&facts);
    tls_certificate_facts(tls, AUTHORITY_NOW_S, &facts);
    for (size_t i = 0; i < facts.count; i++) {
        if (facts.items[i].kind->type == FACT_TEXT) {
            fuzz_check_text(facts.items[i].text, strlen(facts.items[i].text));
        }
    }
    tls_destroy(tls);
    return 0;
}
