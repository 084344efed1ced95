#include "scanner/service/inquiry.h"

#include "scanner/service/candidates.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEAD_SIZE = 512, /* so much of what a connection brings first is looked at, whoever was asked */
    AGAINS_MAX = 8,
    LATES_MAX = 4,
    FAILURES_MAX = 3,
    MUTE_ENDS_MAX = 3, /* so many connections that are closed before a word, and it is what it does */
    IN_ROOM_LEAST = 4096,
    BANNER_MAX = 256,
};

/* How long is waited, before what the round-trip time adds. */
enum {
    CONNECT_MS = 3000,
    SHAKE_MS = 5000,
    SHAKE_GUESSED_MS = 2500, /* nothing speaks for TLS but that it is there to be tried */
    GREET_MS = 300,
    GREET_EXPECTED_MS = 5000,
    GREET_BRIEF_MS = 700,
    MORE_MS = 1000, /* for the rest of what is begun */
    ANSWER_EXPECTED_MS = 4000,
    ANSWER_FIRST_MS = 3000,
    ANSWER_KEPT_MS = 500, /* what comes later is heard all the same */
    ANSWER_MS = 450,
    ANSWER_LEAST_MS = 150,
    ANSWER_BRIEF_MS = 800,
    TALK_MAX_MS = 15000,
    BRIEF_MS = 1500,
    PAUSE_MS = 400,
    PARTING_MS = 500,
    RTT_MAX_US = 1000000,
};

static const uint64_t NS_PER_MS = 1000000;

enum errand {
    ERRAND_LISTEN,  /* hear whether the server speaks first, then ask */
    ERRAND_LINGER,  /* the same, longer, and nothing is asked */
    ERRAND_ASK,     /* one protocol */
    ERRAND_VERSION, /* whether a version of TLS is accepted */
};

enum stage {
    STAGE_WANTED, /* a connection */
    STAGE_CONNECTING,
    STAGE_SHAKING,   /* TLS from the first byte */
    STAGE_LISTENING, /* nothing was sent */
    STAGE_TALKING,
    STAGE_SECURING, /* in a conversation that has begun in clear */
    STAGE_PARTING,  /* it is over, its last words are to be sent */
    STAGE_PAUSED,
    STAGE_RETURNING, /* the connection that was kept aside is wanted back */
    STAGE_OVER,
};

/* The first connection, as long as nothing was heard on any: whoever is slow to greet or to answer is heard on it while
 * others are asked. */
enum aside {
    ASIDE_NONE,
    ASIDE_WANTED, /* instead of being closed */
    ASIDE_KEPT,
    ASIDE_BACK, /* it is the connection at hand */
    ASIDE_OVER,
};

/* What the connections were like on which the server said nothing. */
struct manners {
    uint32_t silences;
    uint32_t ends;
    uint32_t resets;
    uint32_t stuck;
};

struct inquiry {
    struct inquiry_options options;
    struct candidates candidates;
    struct identity identity;
    enum stage stage;
    struct mono_time deadline;
    uint32_t connections;
    /* Time with a connection: of those that are over, and of this layer (in clear, inside TLS) of them. */
    uint64_t spent_ns;
    uint64_t layer_began_ns;
    struct mono_time began; /* this connection; once it stands, the conversation */
    struct mono_time asked;
    uint64_t answered_ns; /* how long its answers took so far; 0: none yet */
    /* The errand at hand. */
    enum errand errand;
    const struct protocol *protocol; /* that is talked to, or expected; NULL */
    enum tls_version lowest;
    enum tls_version highest;
    uint32_t agains;
    uint32_t lates;
    bool delicate;
    bool unwelcome;
    /* What comes next is known already. */
    const struct protocol *suggested;
    bool suggests_tls;
    bool listened[2];
    bool lingered[2];
    enum aside aside;
    struct mono_time aside_from;           /* when it stood */
    const struct protocol *aside_protocol; /* was asked on it */
    bool asked_alone;                      /* who waits in silence was asked again, without it */
    uint64_t slow_ms;                      /* so long it took until something came on it; 0 */
    bool tls_tried;
    bool tls_seen;       /* it answered in records of TLS */
    bool agreed_at_once; /* on a version of TLS, from the first byte */
    bool barred;         /* it wants a certificate of ours */
    bool tls_stood;
    bool misdirected; /* what answered in clear may only say that TLS is wanted */
    struct manners manners;
    uint32_t mute_ends;
    uint32_t failures;
    bool heard; /* the server has said something, on whatever connection */
    bool spoke; /* more than a handshake of TLS */
    /* What was taken for this protocol by its first bytes alone, and they. */
    const struct protocol *hint;
    uint8_t greeting[HEAD_SIZE]; /* that nobody recognised */
    size_t greeting_size;
    /* Versions of TLS: which were accepted, which asked. */
    bool accepted[TLS_VERSIONS];
    bool version_asked[TLS_VERSIONS];
    const struct protocol *found; /* it is known what it is */
    bool starts_tls;              /* the protocol went over to TLS */
    /* This connection's. */
    struct dialogue dialogue;
    struct facts trial;
    struct evidence trial_evidence;
    uint8_t *in;
    size_t in_size;
    size_t in_room;
    size_t arrived;
    uint8_t head[HEAD_SIZE];
    size_t head_size;
};

static void next_errand(struct inquiry *inquiry, struct mono_time now);

struct inquiry *inquiry_create(const struct inquiry_options *options)
{
    struct inquiry *inquiry = calloc(1, sizeof(*inquiry));

    if (inquiry == NULL) {
        return NULL;
    }
    inquiry->options = *options;
    inquiry->options.silent_ms = options->silent_ms > 0 ? options->silent_ms : INQUIRY_SILENT_MS;
    if (options->table == NULL) {
        inquiry->options.table = protocols(&inquiry->options.table_count);
    }
    candidates_init(&inquiry->candidates, inquiry->options.table, inquiry->options.table_count, options->target.port);
    next_errand(inquiry, (struct mono_time){0});
    return inquiry;
}

void inquiry_destroy(struct inquiry *inquiry)
{
    if (inquiry != NULL) {
        identity_done(&inquiry->identity);
        free(inquiry->in);
        free(inquiry);
    }
}

const struct identity *inquiry_identity(const struct inquiry *inquiry)
{
    return &inquiry->identity;
}

uint32_t inquiry_connections(const struct inquiry *inquiry)
{
    return inquiry->connections;
}

static bool is_open(const struct inquiry *inquiry)
{
    return inquiry->stage == STAGE_CONNECTING || inquiry->stage == STAGE_SHAKING || inquiry->stage == STAGE_LISTENING ||
           inquiry->stage == STAGE_TALKING || inquiry->stage == STAGE_SECURING || inquiry->stage == STAGE_PARTING;
}

struct inquiry_wish inquiry_wish(const struct inquiry *inquiry)
{
    struct inquiry_wish wish = {.next = INQUIRY_TALK,
                                .secured = inquiry->candidates.secured,
                                .lowest = inquiry->lowest,
                                .highest = inquiry->highest,
                                .framed = inquiry->stage == STAGE_SECURING && inquiry->protocol->frames_tls,
                                .delicate = inquiry->delicate,
                                .heard = inquiry->arrived > 0,
                                .keep = inquiry->aside == ASIDE_WANTED,
                                .keeps = inquiry->aside == ASIDE_KEPT};

    switch (inquiry->stage) {
    case STAGE_WANTED:
        wish.next = INQUIRY_OPEN;
        break;
    case STAGE_PAUSED:
        wish.next = INQUIRY_PAUSE;
        break;
    case STAGE_RETURNING:
        wish.next = INQUIRY_RETURN;
        break;
    case STAGE_OVER:
        wish.next = INQUIRY_OVER;
        break;
    case STAGE_SECURING:
        wish.next = inquiry->dialogue.out_size > 0 ? INQUIRY_TALK : INQUIRY_SECURE;
        break;
    case STAGE_CONNECTING:
    case STAGE_SHAKING:
    case STAGE_LISTENING:
    case STAGE_TALKING:
    case STAGE_PARTING:
        break;
    }
    return wish;
}

struct mono_time inquiry_deadline(const struct inquiry *inquiry)
{
    return inquiry->deadline;
}

struct span inquiry_outgoing(const struct inquiry *inquiry)
{
    bool talks = inquiry->stage == STAGE_TALKING || inquiry->stage == STAGE_SECURING || inquiry->stage == STAGE_PARTING;

    return (struct span){inquiry->dialogue.out, talks ? inquiry->dialogue.out_size : 0};
}

/* Time. */

static uint64_t rtt_ms(const struct inquiry *inquiry)
{
    uint32_t rtt_us = inquiry->options.rtt_us < RTT_MAX_US ? inquiry->options.rtt_us : RTT_MAX_US;

    return rtt_us / 1000;
}

static uint64_t spent_ns(const struct inquiry *inquiry, struct mono_time now)
{
    return inquiry->spent_ns + (is_open(inquiry) ? mono_elapsed_ns(inquiry->began, now) : 0);
}

/* Never past the end of the whole inquiry. */
static void wait_for(struct inquiry *inquiry, struct mono_time now, uint64_t wait_ms)
{
    uint64_t spent_ms = spent_ns(inquiry, now) / NS_PER_MS;
    uint64_t left_ms = spent_ms < INQUIRY_TIME_MAX_MS ? INQUIRY_TIME_MAX_MS - spent_ms : 0;

    inquiry->deadline = mono_add_ns(now, (wait_ms < left_ms ? wait_ms : left_ms) * NS_PER_MS);
}

/* Whether there is time for something further to be tried. */
static bool has_time(const struct inquiry *inquiry)
{
    uint64_t most_ms = inquiry->options.brief ? BRIEF_MS + 6 * rtt_ms(inquiry) : inquiry->options.silent_ms;

    return inquiry->spent_ns - inquiry->layer_began_ns < most_ms * NS_PER_MS;
}

/* Who ends connections has read what it was asked, and who reads nothing at all never will. */
static bool may_be_slow(const struct inquiry *inquiry)
{
    return !inquiry->spoke && inquiry->manners.ends + inquiry->manners.resets + inquiry->manners.stuck == 0;
}

static uint64_t greet_wait_ms(const struct inquiry *inquiry)
{
    uint64_t least = GREET_MS > 3 * rtt_ms(inquiry) ? GREET_MS : 3 * rtt_ms(inquiry);

    if (inquiry->options.brief) {
        return GREET_BRIEF_MS > least ? GREET_BRIEF_MS : least;
    }
    if (inquiry->slow_ms > 0) {
        return 2 * inquiry->slow_ms + GREET_EXPECTED_MS;
    }
    if (inquiry->errand == ERRAND_LINGER && may_be_slow(inquiry)) {
        return INQUIRY_KEPT_MS + 3 * rtt_ms(inquiry);
    }
    if (inquiry->errand == ERRAND_LINGER || (inquiry->protocol != NULL && inquiry->protocol->greets) ||
        candidates_expect_greeting(&inquiry->candidates)) {
        return GREET_EXPECTED_MS + 3 * rtt_ms(inquiry);
    }
    return least;
}

/* Whether the connection at hand may be kept aside: the first in clear, when it was asked and nothing at all was said.
 * Not that of a delicate server, which is to see one at a time. */
static bool may_keep(const struct inquiry *inquiry)
{
    return inquiry->errand == ERRAND_LISTEN && !inquiry->candidates.secured && inquiry->aside == ASIDE_NONE &&
           !inquiry->heard && !inquiry->options.brief && !inquiry->delicate &&
           !candidates_expect_delicate(&inquiry->candidates);
}

/* A port's own protocol, and the first that is asked on a connection that was listened to, are given time; the others
 * as much as the server's answers so far needed, and some more. */
static uint64_t answer_wait_ms(const struct inquiry *inquiry)
{
    const struct protocol *protocol = inquiry->protocol;
    uint64_t quick_ms = 8 * inquiry->answered_ns / NS_PER_MS + ANSWER_LEAST_MS;
    uint64_t wait_ms = ANSWER_MS;

    if (inquiry->options.brief) {
        wait_ms = ANSWER_BRIEF_MS;
    } else if (inquiry->dialogue.recognised || candidates_is_likely(&inquiry->candidates, protocol)) {
        wait_ms = ANSWER_EXPECTED_MS > protocol->patience_ms ? ANSWER_EXPECTED_MS : protocol->patience_ms;
    } else if (may_keep(inquiry)) {
        wait_ms = ANSWER_KEPT_MS;
    } else if (inquiry->errand == ERRAND_LISTEN || inquiry->hint == protocol) {
        wait_ms = ANSWER_FIRST_MS;
    } else if (inquiry->answered_ns > 0 && quick_ms < wait_ms) {
        wait_ms = quick_ms;
    }
    return wait_ms + 3 * rtt_ms(inquiry);
}

static uint64_t shake_wait_ms(const struct inquiry *inquiry)
{
    bool expected = inquiry->heard || inquiry->tls_stood || candidates_expect_tls(&inquiry->candidates);
    uint64_t wait_ms = inquiry->options.brief ? BRIEF_MS : expected ? SHAKE_MS : SHAKE_GUESSED_MS;

    return wait_ms + 3 * rtt_ms(inquiry);
}

static uint64_t talk_left_ms(const struct inquiry *inquiry, struct mono_time now)
{
    uint64_t most_ms = TALK_MAX_MS + (uint64_t)inquiry->protocol->patience_ms;
    uint64_t so_far_ms = mono_elapsed_ns(inquiry->began, now) / NS_PER_MS;

    return so_far_ms < most_ms ? most_ms - so_far_ms : 0;
}

static void wait_for_answer(struct inquiry *inquiry, struct mono_time now)
{
    uint64_t wait_ms = answer_wait_ms(inquiry);
    uint64_t left_ms = talk_left_ms(inquiry, now);

    wait_for(inquiry, now, wait_ms < left_ms ? wait_ms : left_ms);
}

/* Connections. */

static struct span head_of(const struct inquiry *inquiry)
{
    return (struct span){inquiry->head, inquiry->head_size};
}

static void forget_arrivals(struct inquiry *inquiry)
{
    inquiry->in_size = 0;
    inquiry->head_size = 0;
}

static void clear_trial(struct inquiry *inquiry)
{
    facts_clear(&inquiry->trial);
    inquiry->trial_evidence.count = 0;
}

/* What nobody has recognised proves at least what the server says. */
static void keep_evidence(struct inquiry *inquiry)
{
    if (inquiry->arrived > 0 && inquiry->identity.evidence.count == 0) {
        inquiry->identity.evidence = inquiry->trial_evidence;
    }
}

static void close_connection(struct inquiry *inquiry, struct mono_time now)
{
    if (is_open(inquiry)) {
        inquiry->spent_ns += mono_elapsed_ns(inquiry->began, now);
        inquiry->stage = STAGE_WANTED;
    }
}

static void want_connection(struct inquiry *inquiry, enum errand errand, const struct protocol *protocol)
{
    inquiry->stage = STAGE_WANTED;
    inquiry->errand = errand;
    inquiry->protocol = protocol;
    inquiry->agains = 0;
    inquiry->lowest = TLS_1_0;
    inquiry->highest = TLS_1_3;
    inquiry->delicate = protocol != NULL ? protocol->delicate
                                         : errand == ERRAND_LISTEN && candidates_expect_delicate(&inquiry->candidates);
    clear_trial(inquiry);
    dialogue_init(&inquiry->dialogue, &inquiry->options.target, &inquiry->trial, &inquiry->trial_evidence);
}

/* What there is to try next. */

static void enter_layer(struct inquiry *inquiry, bool secured)
{
    inquiry->candidates.secured = secured;
    inquiry->layer_began_ns = inquiry->spent_ns;
}

static void want_tls(struct inquiry *inquiry)
{
    inquiry->tls_tried = true;
    inquiry->suggests_tls = false;
    enter_layer(inquiry, true);
    inquiry->listened[true] = true;
    want_connection(inquiry, ERRAND_LISTEN, NULL);
}

static void want_protocol(struct inquiry *inquiry, const struct protocol *protocol)
{
    candidates_set_tried(&inquiry->candidates, protocol);
    want_connection(inquiry, ERRAND_ASK, protocol);
}

/* The port's own and HTTP are asked in any case; what greets in an unknown tongue answers no guesses. */
static const struct protocol *next_protocol(const struct inquiry *inquiry)
{
    const struct protocol *protocol = NULL;

    if (inquiry->greeting_size > 0) {
        protocol = candidates_maybe(&inquiry->candidates, (struct span){inquiry->greeting, inquiry->greeting_size});
    }
    if (protocol == NULL) {
        protocol = candidates_likely(&inquiry->candidates);
    }
    if (protocol == NULL && (!inquiry->options.brief || inquiry->tls_stood)) {
        protocol = candidates_http(&inquiry->candidates);
    }
    return protocol;
}

/* It speaks TLS, and refuses ours. What its servers of HTTP say of that to those who ask in clear is worth hearing. */
static bool is_shut(const struct inquiry *inquiry)
{
    return inquiry->tls_seen && !inquiry->tls_stood && candidates_http(&inquiry->candidates) == NULL;
}

static bool may_try_more(const struct inquiry *inquiry)
{
    bool closed_to_us = inquiry->mute_ends >= MUTE_ENDS_MAX || inquiry->barred || is_shut(inquiry);

    return inquiry->connections < INQUIRY_CONNECTIONS_MAX && !inquiry->unwelcome && !closed_to_us && has_time(inquiry);
}

static bool choose_first(struct inquiry *inquiry)
{
    bool secured = inquiry->candidates.secured;

    if (!secured && !inquiry->tls_tried && !inquiry->listened[false] && candidates_expect_tls(&inquiry->candidates)) {
        want_tls(inquiry);
        return true;
    }
    if (!inquiry->listened[secured]) {
        inquiry->listened[secured] = true;
        want_connection(inquiry, ERRAND_LISTEN, NULL);
        return true;
    }
    return false;
}

static bool choose_guess(struct inquiry *inquiry)
{
    const struct protocol *protocol = next_protocol(inquiry);

    if (protocol != NULL) {
        want_protocol(inquiry, protocol);
        return true;
    }
    if (!inquiry->tls_tried && inquiry->greeting_size == 0 && !inquiry->options.brief) {
        want_tls(inquiry);
        return true;
    }
    if (inquiry->options.brief || inquiry->greeting_size > 0) {
        return false;
    }
    protocol = candidates_ranked(&inquiry->candidates);
    if (protocol != NULL) {
        want_protocol(inquiry, protocol);
    } else if (!inquiry->lingered[inquiry->candidates.secured] && inquiry->aside != ASIDE_KEPT) {
        inquiry->lingered[inquiry->candidates.secured] = true;
        want_connection(inquiry, ERRAND_LINGER, NULL);
    } else {
        return false;
    }
    return true;
}

static bool choose_identifying(struct inquiry *inquiry)
{
    const struct protocol *suggested = inquiry->suggested;

    inquiry->suggested = NULL;
    if (!may_try_more(inquiry)) {
        return false;
    }
    if (suggested != NULL && !candidates_tried(&inquiry->candidates, suggested)) {
        want_protocol(inquiry, suggested);
        return true;
    }
    if (inquiry->suggests_tls && !inquiry->tls_tried) {
        want_tls(inquiry);
        return true;
    }
    return choose_first(inquiry) || choose_guess(inquiry);
}

static bool knows_tls(const struct inquiry *inquiry)
{
    return inquiry->agreed_at_once || inquiry->starts_tls;
}

/* The lowest version that is not known yet. A server that counts broken handshakes is asked once, for both that are out
 * of date. */
static bool choose_version(struct inquiry *inquiry)
{
    bool delicate = inquiry->found != NULL && inquiry->found->delicate;
    int version = TLS_1_0;

    if (!knows_tls(inquiry) || inquiry->unwelcome || inquiry->connections >= INQUIRY_CONNECTIONS_MAX ||
        inquiry->spent_ns >= (uint64_t)INQUIRY_TIME_MAX_MS * NS_PER_MS || inquiry->failures >= FAILURES_MAX) {
        return false;
    }
    while (version < TLS_VERSIONS && (inquiry->accepted[version] || inquiry->version_asked[version])) {
        version++;
    }
    if (version == TLS_VERSIONS || (delicate && version > TLS_1_1)) {
        return false;
    }
    want_connection(inquiry, ERRAND_VERSION, inquiry->agreed_at_once ? NULL : inquiry->found);
    inquiry->dialogue.target.doors = false;
    inquiry->delicate = delicate;
    inquiry->lowest = (enum tls_version)version;
    inquiry->highest = delicate ? TLS_1_1 : (enum tls_version)version;
    for (; version <= (int)inquiry->highest; version++) {
        inquiry->version_asked[version] = true;
    }
    return true;
}

static const char *manner_of(const struct manners *manners)
{
    if (manners->stuck > 0) {
        return "zero-window";
    }
    if (manners->silences > manners->ends + manners->resets) {
        return "silent";
    }
    if (manners->ends + manners->resets == 0) {
        return NULL;
    }
    return manners->resets >= manners->ends ? "resets" : "closes";
}

static void conclude_versions(struct inquiry *inquiry)
{
    char text[32] = "";
    const char *lowest = NULL;

    for (int version = TLS_1_0; version < TLS_VERSIONS; version++) {
        if (inquiry->accepted[version]) {
            const char *name = tls_version_name((enum tls_version)version);
            size_t used = strlen(text);
            snprintf(text + used, sizeof(text) - used, "%s%s", used > 0 ? " " : "", name);
            lowest = lowest == NULL ? name : lowest;
        }
    }
    if (lowest != NULL) {
        facts_set_string(&inquiry->identity.facts, "tls.versions", text);
        facts_set_string(&inquiry->identity.facts, "tls.version", lowest);
    }
}

/* Of what no protocol has claimed: its first line, if it is one of text. */
static void conclude_banner(struct inquiry *inquiry)
{
    struct span greeting = {inquiry->greeting, inquiry->greeting_size};
    struct span line = greeting;
    struct span rest;

    span_line(greeting, &line, &rest);
    line.size = line.size < BANNER_MAX ? line.size : BANNER_MAX;
    facts_set_text(&inquiry->identity.facts, "banner", span_trim(line));
}

static void conclude(struct inquiry *inquiry)
{
    struct facts *facts = &inquiry->identity.facts;
    bool tls = inquiry->tls_stood || inquiry->tls_seen;
    const char *manner;

    inquiry->stage = STAGE_OVER;
    if (facts_text(facts, "service") == NULL && inquiry->hint != NULL) {
        facts_set_string(facts, "service", inquiry->hint->name);
    } else if (facts_text(facts, "service") == NULL && tls) {
        facts_set_string(facts, "service", "tls");
    }
    if (inquiry->barred && facts_find(facts, "auth") == NULL) {
        facts_set_string(facts, "auth", "required");
        facts_set_string(facts, "auth.methods", "certificate");
    }
    if (facts_text(facts, "service") != NULL) {
        facts_set_truth(facts, "tls", tls && !inquiry->misdirected);
        if (facts_find(facts, "cleartext") == NULL) {
            facts_set_truth(facts, "cleartext", !tls || inquiry->misdirected);
        }
        conclude_versions(inquiry);
        return;
    }
    manner = inquiry->heard ? NULL : manner_of(&inquiry->manners);
    if (manner != NULL) {
        facts_set_string(facts, "behaviour", manner);
    }
    if (inquiry->greeting_size > 0) {
        conclude_banner(inquiry);
    }
}

static void take_trial(struct inquiry *inquiry)
{
    struct identity *identity = &inquiry->identity;

    facts_merge(&identity->facts, &inquiry->trial);
    identity->evidence = inquiry->trial_evidence;
    if (facts_text(&identity->facts, "service") == NULL) {
        facts_set_string(&identity->facts, "service", inquiry->protocol->name);
    }
}

/* A connection that came to nothing takes away nothing of what earlier ones of the same dialogue have shown. */
static void keep_recognised(struct inquiry *inquiry)
{
    if (inquiry->found == NULL && inquiry->protocol != NULL && inquiry->dialogue.recognised) {
        take_trial(inquiry);
        inquiry->found = inquiry->protocol;
    }
}

static uint64_t kept_ms(const struct inquiry *inquiry, struct mono_time now)
{
    return mono_elapsed_ns(inquiry->aside_from, now) / NS_PER_MS;
}

static uint64_t keep_most_ms(const struct inquiry *inquiry)
{
    return INQUIRY_KEPT_MS + 3 * rtt_ms(inquiry);
}

/* There is nothing left to be asked, and what is kept aside may yet be heard on. */
static bool wants_back(const struct inquiry *inquiry, struct mono_time now)
{
    return inquiry->aside == ASIDE_KEPT && inquiry->found == NULL && has_time(inquiry) && !inquiry->barred &&
           may_be_slow(inquiry) && kept_ms(inquiry, now) < keep_most_ms(inquiry);
}

/* All were silent while a connection was kept aside: perhaps only because the server had ears for that one alone. */
static bool ask_alone(struct inquiry *inquiry)
{
    if (inquiry->found != NULL || inquiry->heard || inquiry->asked_alone ||
        (inquiry->aside != ASIDE_KEPT && inquiry->aside != ASIDE_OVER && inquiry->aside != ASIDE_BACK) ||
        !may_be_slow(inquiry) || !has_time(inquiry)) {
        return false;
    }
    inquiry->asked_alone = true;
    inquiry->aside = ASIDE_OVER;
    inquiry->lingered[false] = true;
    candidates_clear_waiting(&inquiry->candidates);
    return choose_identifying(inquiry);
}

static void next_errand(struct inquiry *inquiry, struct mono_time now)
{
    keep_recognised(inquiry);
    close_connection(inquiry, now);
    if (inquiry->found == NULL && choose_identifying(inquiry)) {
        return;
    }
    if (wants_back(inquiry, now)) {
        inquiry->stage = STAGE_RETURNING;
        return;
    }
    if (ask_alone(inquiry) || choose_version(inquiry)) {
        return;
    }
    conclude(inquiry);
}

/* What a conversation comes to. */

static void suggest(struct inquiry *inquiry, struct span bytes)
{
    bool maybe;
    const struct protocol *protocol = candidates_recognise(&inquiry->candidates, bytes, &maybe);

    if (protocol != NULL) {
        if (!candidates_tried(&inquiry->candidates, protocol)) {
            inquiry->hint = protocol;
            inquiry->suggested = protocol;
        }
    } else if (!inquiry->candidates.secured && tls_is_record(bytes)) {
        inquiry->suggests_tls = true;
    }
}

static void give_up_protocol(struct inquiry *inquiry, struct mono_time now)
{
    if (inquiry->head_size > 0) {
        suggest(inquiry, head_of(inquiry));
    }
    keep_evidence(inquiry);
    next_errand(inquiry, now);
}

/* Who complained in clear, and refuses a handshake by TLS's own means, speaks its protocol inside TLS; what it said in
 * clear was of no page, and for everybody. Many want a name that they know, and a host has none that is asked by its
 * address (RFC 6066, section 3). */
static void keep_to_tls(struct inquiry *inquiry)
{
    static const char *const of_page[] = {"auth",       "auth.methods",  "http.auth",         "http.body_sha256",
                                          "http.hsts",  "http.location", "http.redirects",    "http.status",
                                          "http.title", "door",          "redirects_to_https"};

    for (size_t i = 0; i < sizeof(of_page) / sizeof(*of_page); i++) {
        facts_remove(&inquiry->identity.facts, of_page[i]);
    }
    facts_set_truth(&inquiry->identity.facts, "cleartext", false);
    inquiry->misdirected = false;
}

/* Servers of HTTP inside TLS say so in clear to those who ask in clear: "400 Bad Request". */
static bool was_asked_in_clear(const struct inquiry *inquiry)
{
    return !inquiry->candidates.secured && facts_number(&inquiry->trial, "http.status", 0) == 400;
}

static void identified(struct inquiry *inquiry, struct mono_time now)
{
    bool in_clear = was_asked_in_clear(inquiry);
    bool again = in_clear && !inquiry->tls_tried && !inquiry->options.brief;

    take_trial(inquiry);
    if (in_clear && inquiry->tls_seen && !inquiry->tls_stood) {
        keep_to_tls(inquiry);
    }
    inquiry->unwelcome |= inquiry->dialogue.unwelcome;
    if (again) {
        inquiry->misdirected = true;
        close_connection(inquiry, now);
        want_tls(inquiry);
        return;
    }
    inquiry->found = inquiry->protocol;
    next_errand(inquiry, now);
}

static bool is_end(enum dialogue_event event)
{
    return event == DIALOGUE_CLOSED || event == DIALOGUE_RESET || event == DIALOGUE_UNSECURED;
}

static void finish_dialogue(struct inquiry *inquiry, struct mono_time now)
{
    inquiry->unwelcome |= inquiry->dialogue.unwelcome;
    if (inquiry->errand == ERRAND_VERSION) {
        next_errand(inquiry, now);
    } else if (inquiry->dialogue.recognised) {
        identified(inquiry, now);
    } else {
        give_up_protocol(inquiry, now);
    }
}

/* It may have last words: a "QUIT". */
static void part(struct inquiry *inquiry, struct mono_time now, enum dialogue_event event)
{
    if (is_end(event) || inquiry->dialogue.out_size == 0 || inquiry->dialogue.out_failed) {
        finish_dialogue(inquiry, now);
        return;
    }
    inquiry->stage = STAGE_PARTING;
    wait_for(inquiry, now, PARTING_MS);
}

void inquiry_sent(struct inquiry *inquiry, struct mono_time now, size_t size)
{
    struct dialogue *dialogue = &inquiry->dialogue;

    assert(size <= dialogue->out_size);
    memmove(dialogue->out, dialogue->out + size, dialogue->out_size - size);
    dialogue->out_size -= size;
    if (inquiry->stage == STAGE_PARTING && dialogue->out_size == 0) {
        finish_dialogue(inquiry, now);
    }
}

static void ask_again(struct inquiry *inquiry, struct mono_time now)
{
    if (inquiry->agains == AGAINS_MAX || inquiry->connections >= INQUIRY_CONNECTIONS_MAX ||
        inquiry->dialogue.unwelcome) {
        finish_dialogue(inquiry, now);
        return;
    }
    inquiry->agains++;
    close_connection(inquiry, now);
    inquiry->errand = inquiry->errand == ERRAND_VERSION ? ERRAND_VERSION : ERRAND_ASK;
    dialogue_reopen(&inquiry->dialogue);
}

/* The wait goes on, unless nothing can come of it. */
static void go_on(struct inquiry *inquiry, struct mono_time now, enum dialogue_event event)
{
    bool full = inquiry->in_size >= DIALOGUE_IN_MAX || inquiry->arrived >= INQUIRY_CONNECTION_BYTES_MAX;
    bool idle = event == DIALOGUE_LATE && inquiry->dialogue.out_size == 0;

    inquiry->lates += event == DIALOGUE_LATE;
    if (is_end(event) || full || idle || inquiry->lates > LATES_MAX || talk_left_ms(inquiry, now) == 0) {
        finish_dialogue(inquiry, now);
    } else {
        wait_for_answer(inquiry, now);
    }
}

static void hear(struct inquiry *inquiry, struct mono_time now, enum dialogue_event event)
{
    struct dialogue *dialogue = &inquiry->dialogue;
    enum dialogue_next next;

    dialogue->in = (struct span){inquiry->in, inquiry->in_size};
    next = inquiry->protocol->hear(dialogue, event);
    assert(dialogue->in.size <= inquiry->in_size);
    if (dialogue->in.size > 0) {
        memmove(inquiry->in, dialogue->in.bytes, dialogue->in.size);
    }
    inquiry->in_size = dialogue->in.size;
    dialogue->in = (struct span){NULL, 0};
    if (dialogue->out_failed) {
        next = DIALOGUE_DONE;
    }
    switch (next) {
    case DIALOGUE_WAIT:
        go_on(inquiry, now, event);
        break;
    case DIALOGUE_SECURE:
        if (is_end(event) || dialogue->secured) {
            finish_dialogue(inquiry, now);
            break;
        }
        inquiry->stage = STAGE_SECURING;
        wait_for(inquiry, now, SHAKE_MS + 3 * rtt_ms(inquiry));
        break;
    case DIALOGUE_AGAIN:
        ask_again(inquiry, now);
        break;
    case DIALOGUE_FOREIGN:
        /* Its own word counts for more than the first bytes. */
        inquiry->hint = inquiry->hint == inquiry->protocol && event == DIALOGUE_ARRIVED ? NULL : inquiry->hint;
        finish_dialogue(inquiry, now);
        break;
    case DIALOGUE_DONE:
        part(inquiry, now, event);
        break;
    }
}

static void ask(struct inquiry *inquiry, struct mono_time now)
{
    /* What greeted and was not understood is no part of the answer. */
    forget_arrivals(inquiry);
    inquiry->stage = STAGE_TALKING;
    inquiry->asked = now;
    inquiry->lates = 0;
    inquiry->protocol->ask(&inquiry->dialogue);
    wait_for_answer(inquiry, now);
}

/* The server has spoken first, and it is this protocol, or may be. */
static void take_up(struct inquiry *inquiry, struct mono_time now, const struct protocol *protocol)
{
    candidates_set_tried(&inquiry->candidates, protocol);
    inquiry->protocol = protocol;
    inquiry->delicate |= protocol->delicate;
    inquiry->dialogue.greeted = true;
    inquiry->stage = STAGE_TALKING;
    inquiry->asked = now;
    inquiry->lates = 0;
    hear(inquiry, now, DIALOGUE_ARRIVED);
}

static void keep_greeting(struct inquiry *inquiry)
{
    if (inquiry->greeting_size == 0) {
        memcpy(inquiry->greeting, inquiry->head, inquiry->head_size);
        inquiry->greeting_size = inquiry->head_size;
    }
}

/* Another's greeting, where one protocol was expected. */
static void judge_expected(struct inquiry *inquiry, struct mono_time now)
{
    if (inquiry->protocol->recognise(head_of(inquiry)) == PROTOCOL_MAYBE) {
        take_up(inquiry, now, inquiry->protocol);
    } else if (inquiry->protocol->ask != NULL) {
        ask(inquiry, now);
    } else {
        give_up_protocol(inquiry, now);
    }
}

static void judge_unknown(struct inquiry *inquiry, struct mono_time now)
{
    const struct protocol *protocol = candidates_maybe(&inquiry->candidates, head_of(inquiry));

    keep_greeting(inquiry);
    if (protocol != NULL) {
        take_up(inquiry, now, protocol);
        return;
    }
    keep_evidence(inquiry);
    next_errand(inquiry, now);
}

/* `last`: no more of it comes. */
static void judge_greeting(struct inquiry *inquiry, struct mono_time now, bool last)
{
    bool maybe;
    const struct protocol *protocol = candidates_recognise(&inquiry->candidates, head_of(inquiry), &maybe);

    if (protocol == NULL && maybe && !last) {
        wait_for(inquiry, now, MORE_MS + 3 * rtt_ms(inquiry));
    } else if (inquiry->errand == ERRAND_VERSION) {
        take_up(inquiry, now, inquiry->protocol);
    } else if (protocol != NULL &&
               (protocol == inquiry->protocol || !candidates_tried(&inquiry->candidates, protocol))) {
        inquiry->hint = protocol;
        take_up(inquiry, now, protocol);
    } else if (inquiry->protocol != NULL) {
        judge_expected(inquiry, now);
    } else {
        judge_unknown(inquiry, now);
    }
}

/* Nothing was said first: who is asked on the same connection? */
static void ask_first(struct inquiry *inquiry, struct mono_time now)
{
    const struct protocol *protocol = inquiry->protocol;

    if (protocol == NULL && inquiry->errand == ERRAND_LISTEN) {
        protocol = next_protocol(inquiry);
    }
    if (protocol == NULL || protocol->ask == NULL) {
        inquiry->manners.silences++;
        next_errand(inquiry, now);
        return;
    }
    candidates_set_tried(&inquiry->candidates, protocol);
    inquiry->protocol = protocol;
    inquiry->delicate |= protocol->delicate;
    ask(inquiry, now);
}

/* Instead of being given up the connection is kept aside, and the next is made. */
static void keep_aside(struct inquiry *inquiry, struct mono_time now)
{
    inquiry->manners.silences++;
    inquiry->aside = ASIDE_WANTED;
    inquiry->aside_from = inquiry->began;
    inquiry->aside_protocol = inquiry->protocol;
    next_errand(inquiry, now);
}

/* What was being asked was cut short: its turn comes again. */
static void forget_try(struct inquiry *inquiry)
{
    if (inquiry->candidates.secured) {
        inquiry->tls_tried = false;
        inquiry->listened[true] = false;
        enter_layer(inquiry, false);
    } else if (inquiry->protocol != NULL) {
        candidates_clear_tried(&inquiry->candidates, inquiry->protocol);
    }
}

void inquiry_overheard(struct inquiry *inquiry, struct mono_time now)
{
    if (inquiry->aside != ASIDE_KEPT || inquiry->stage == STAGE_OVER || inquiry->stage == STAGE_RETURNING) {
        return;
    }
    close_connection(inquiry, now);
    forget_try(inquiry);
    inquiry->stage = STAGE_RETURNING;
}

void inquiry_returned(struct inquiry *inquiry, struct mono_time now)
{
    uint64_t so_far_ms = kept_ms(inquiry, now);
    uint64_t most_ms = keep_most_ms(inquiry);

    assert(inquiry->stage == STAGE_RETURNING);
    want_connection(inquiry, ERRAND_LISTEN, inquiry->aside_protocol);
    inquiry->aside = ASIDE_BACK;
    inquiry->lingered[false] = true;
    inquiry->stage = STAGE_TALKING;
    inquiry->began = now;
    inquiry->asked = inquiry->aside_from;
    inquiry->arrived = 0;
    inquiry->lates = LATES_MAX;
    forget_arrivals(inquiry);
    /* It was asked before: what stands there of it is not sent again. */
    inquiry->protocol->ask(&inquiry->dialogue);
    inquiry->dialogue.out_size = 0;
    wait_for(inquiry, now, so_far_ms < most_ms ? most_ms - so_far_ms : 0);
}

void inquiry_unkept(struct inquiry *inquiry)
{
    inquiry->aside = ASIDE_OVER;
}

/* The connection is ready for the first word. */
static void be_ready(struct inquiry *inquiry, struct mono_time now)
{
    const struct protocol *protocol = inquiry->protocol;

    if (protocol == NULL || protocol->greets || protocol->ask == NULL || inquiry->greeting_size > 0) {
        inquiry->stage = STAGE_LISTENING;
        wait_for(inquiry, now, greet_wait_ms(inquiry));
    } else {
        ask(inquiry, now);
    }
}

/* Events. */

void inquiry_begun(struct inquiry *inquiry, struct mono_time now)
{
    assert(inquiry->stage == STAGE_WANTED);
    inquiry->stage = STAGE_CONNECTING;
    inquiry->aside = inquiry->aside == ASIDE_WANTED ? ASIDE_KEPT
                     : inquiry->aside == ASIDE_BACK ? ASIDE_OVER
                                                    : inquiry->aside;
    inquiry->connections++;
    inquiry->began = now;
    inquiry->arrived = 0;
    forget_arrivals(inquiry);
    wait_for(inquiry, now, CONNECT_MS + 3 * rtt_ms(inquiry));
}

/* Time before the conversation counts, but not as part of it. */
static void restart_clock(struct inquiry *inquiry, struct mono_time now)
{
    inquiry->spent_ns += mono_elapsed_ns(inquiry->began, now);
    inquiry->began = now;
}

void inquiry_connected(struct inquiry *inquiry, struct mono_time now)
{
    uint64_t took_us = mono_elapsed_ns(inquiry->began, now) / 1000;

    if (inquiry->stage != STAGE_CONNECTING) {
        return;
    }
    if (inquiry->options.rtt_us == 0) {
        inquiry->options.rtt_us = took_us < RTT_MAX_US ? (uint32_t)took_us + 1 : RTT_MAX_US;
    }
    inquiry->failures = 0;
    restart_clock(inquiry, now);
    if (inquiry->candidates.secured) {
        inquiry->stage = STAGE_SHAKING;
        wait_for(inquiry, now, shake_wait_ms(inquiry));
    } else {
        be_ready(inquiry, now);
    }
}

/* No further connection can be had: what is known by now is what there is. */
static void break_off(struct inquiry *inquiry)
{
    keep_recognised(inquiry);
    conclude(inquiry);
}

void inquiry_failed(struct inquiry *inquiry, struct mono_time now)
{
    close_connection(inquiry, now);
    inquiry->failures++;
    if (inquiry->failures >= FAILURES_MAX || inquiry->connections >= INQUIRY_CONNECTIONS_MAX) {
        break_off(inquiry);
        return;
    }
    inquiry->stage = STAGE_PAUSED;
    inquiry->deadline = mono_add_ns(now, (uint64_t)PAUSE_MS * inquiry->failures * NS_PER_MS);
}

void inquiry_put_off(struct inquiry *inquiry, struct mono_time now)
{
    close_connection(inquiry, now);
    if (inquiry->connections >= INQUIRY_CONNECTIONS_MAX) {
        conclude(inquiry);
        return;
    }
    want_connection(inquiry, ERRAND_ASK, inquiry->protocol);
}

/* The server is slow to nothing, or is known to be: no connection need be kept aside. */
static void be_heard(struct inquiry *inquiry)
{
    inquiry->heard = true;
    inquiry->aside = inquiry->aside == ASIDE_KEPT ? ASIDE_OVER : inquiry->aside;
}

static int keep_bytes(struct inquiry *inquiry, struct span bytes)
{
    size_t room = DIALOGUE_IN_MAX - inquiry->in_size;
    size_t size = bytes.size < room ? bytes.size : room;
    size_t wanted = inquiry->in_size + size;
    size_t head = HEAD_SIZE - inquiry->head_size < bytes.size ? HEAD_SIZE - inquiry->head_size : bytes.size;

    if (wanted > inquiry->in_room) {
        size_t grown = inquiry->in_room == 0 ? IN_ROOM_LEAST : inquiry->in_room * 2;
        uint8_t *moved;
        grown = grown < wanted ? wanted : grown;
        moved = realloc(inquiry->in, grown);
        if (moved == NULL) {
            return -ENOMEM;
        }
        inquiry->in = moved;
        inquiry->in_room = grown;
    }
    memcpy(inquiry->in + inquiry->in_size, bytes.bytes, size);
    inquiry->in_size += size;
    memcpy(inquiry->head + inquiry->head_size, bytes.bytes, head);
    inquiry->head_size += head;
    return 0;
}

int inquiry_arrived(struct inquiry *inquiry, struct mono_time now, struct span bytes)
{
    int rc;

    if ((inquiry->stage != STAGE_LISTENING && inquiry->stage != STAGE_TALKING) || bytes.size == 0) {
        return 0;
    }
    rc = keep_bytes(inquiry, bytes);
    if (rc < 0) {
        return rc;
    }
    be_heard(inquiry);
    inquiry->spoke = true;
    if (inquiry->aside == ASIDE_BACK && inquiry->arrived == 0) {
        inquiry->slow_ms = kept_ms(inquiry, now);
    }
    inquiry->mute_ends = 0;
    if (inquiry->arrived == 0 && inquiry->stage == STAGE_TALKING && !inquiry->dialogue.greeted) {
        uint64_t took_ns = mono_elapsed_ns(inquiry->asked, now);
        inquiry->answered_ns = took_ns > inquiry->answered_ns ? took_ns : inquiry->answered_ns;
    }
    inquiry->arrived += bytes.size;
    evidence_note(&inquiry->trial_evidence, false, bytes);
    if (inquiry->stage == STAGE_LISTENING) {
        judge_greeting(inquiry, now, inquiry->head_size == HEAD_SIZE);
    } else {
        hear(inquiry, now, DIALOGUE_ARRIVED);
    }
    return 0;
}

static void count_mute_end(struct inquiry *inquiry, bool reset)
{
    inquiry->manners.resets += reset;
    inquiry->manners.ends += !reset;
    inquiry->mute_ends += inquiry->stage == STAGE_LISTENING || inquiry->mute_ends > 0;
}

static void stand(struct inquiry *inquiry)
{
    if (inquiry->misdirected) {
        /* What it said in clear was only that. */
        facts_clear(&inquiry->identity.facts);
        inquiry->identity.evidence.count = 0;
        inquiry->misdirected = false;
    }
    inquiry->tls_stood = true;
    be_heard(inquiry);
    inquiry->hint = NULL;
    inquiry->greeting_size = 0;
    inquiry->mute_ends = 0;
}

static const struct inquiry_refusal no_word = {0};

/* The version that was agreed on counts, and the certificate that was shown. */
static int take_agreement(struct inquiry *inquiry, const struct inquiry_tls *tls, struct facts *facts)
{
    int rc = 0;

    if (!knows_tls(inquiry)) {
        rc = identity_set_certificate(&inquiry->identity, tls->certificate);
        facts_merge(facts, tls->facts);
    }
    inquiry->accepted[tls->version] = true;
    return rc;
}

int inquiry_secured(struct inquiry *inquiry, struct mono_time now, const struct inquiry_tls *tls)
{
    bool at_once = inquiry->stage == STAGE_SHAKING;
    int rc;

    if (!at_once && inquiry->stage != STAGE_SECURING) {
        return 0;
    }
    if (at_once && !inquiry->tls_stood) {
        stand(inquiry);
    }
    rc = take_agreement(inquiry, tls, at_once ? &inquiry->identity.facts : &inquiry->trial);
    if (rc < 0) {
        return rc;
    }
    inquiry->agreed_at_once |= at_once;
    inquiry->starts_tls |= !at_once;
    restart_clock(inquiry, now);
    forget_arrivals(inquiry);
    if (at_once && inquiry->errand == ERRAND_VERSION) {
        next_errand(inquiry, now);
        return 0;
    }
    inquiry->dialogue.secured = true;
    if (at_once) {
        be_ready(inquiry, now);
    } else {
        inquiry->stage = STAGE_TALKING;
        hear(inquiry, now, DIALOGUE_SECURED);
    }
    return 0;
}

/* A try of TLS from the first byte has failed, in search of what answers. */
static void be_refused(struct inquiry *inquiry, struct mono_time now, const struct inquiry_refusal *refusal)
{
    bool misdirected = inquiry->misdirected;

    inquiry->tls_seen |= refusal->alerted;
    if (misdirected && refusal->alerted) {
        keep_to_tls(inquiry);
    }
    if (refusal->alerted && !inquiry->tls_stood) {
        facts_set_text(&inquiry->identity.facts, "tls.alert", refusal->alert);
    }
    inquiry->arrived += refusal->alerted ? refusal->record.size : refusal->said.size;
    evidence_note(&inquiry->trial_evidence, false, refusal->alerted ? refusal->record : refusal->said);
    keep_evidence(inquiry);
    close_connection(inquiry, now);
    if (!inquiry->tls_stood && !inquiry->agreed_at_once) {
        enter_layer(inquiry, false);
        suggest(inquiry, refusal->said);
    }
    if (misdirected) {
        conclude(inquiry);
    } else {
        next_errand(inquiry, now);
    }
}

int inquiry_unsecured(struct inquiry *inquiry, struct mono_time now, const struct inquiry_refusal *refusal)
{
    bool at_once = inquiry->stage == STAGE_SHAKING;
    int rc = 0;

    if (!at_once && inquiry->stage != STAGE_SECURING) {
        return 0;
    }
    if (refusal->alerted || refusal->said.size > 0) {
        be_heard(inquiry);
    }
    if (refusal->agreed != NULL) {
        rc = take_agreement(inquiry, refusal->agreed, at_once ? &inquiry->identity.facts : &inquiry->trial);
        inquiry->agreed_at_once |= at_once;
        inquiry->starts_tls |= !at_once;
    }
    if (rc < 0) {
        return rc;
    }
    if (!at_once) {
        inquiry->stage = STAGE_TALKING;
        hear(inquiry, now, DIALOGUE_UNSECURED);
    } else if (inquiry->errand == ERRAND_VERSION) {
        next_errand(inquiry, now);
    } else {
        be_refused(inquiry, now, refusal);
    }
    return 0;
}

void inquiry_barred(struct inquiry *inquiry)
{
    inquiry->barred = true;
}

int inquiry_ended(struct inquiry *inquiry, struct mono_time now, bool reset)
{
    enum stage stage = inquiry->stage;
    uint32_t connection = inquiry->connections;

    if (!is_open(inquiry)) {
        return 0;
    }
    if (inquiry->arrived == 0 && stage != STAGE_CONNECTING && stage != STAGE_PARTING) {
        count_mute_end(inquiry, reset);
    }
    if (stage == STAGE_CONNECTING) {
        inquiry_failed(inquiry, now);
    } else if (stage == STAGE_SHAKING || stage == STAGE_SECURING) {
        return inquiry_unsecured(inquiry, now, &no_word);
    } else if (stage == STAGE_PARTING) {
        finish_dialogue(inquiry, now);
    } else if (stage == STAGE_LISTENING && inquiry->head_size > 0) {
        judge_greeting(inquiry, now, true);
    } else if (stage == STAGE_LISTENING) {
        next_errand(inquiry, now);
    }
    /* The same connection still, in a conversation: its end is news to the protocol. */
    if (inquiry->connections == connection && inquiry->stage == STAGE_TALKING) {
        hear(inquiry, now, reset ? DIALOGUE_RESET : DIALOGUE_CLOSED);
    }
    return 0;
}

static void be_late(struct inquiry *inquiry, struct mono_time now, bool stuck)
{
    if (inquiry->stage == STAGE_LISTENING && inquiry->head_size > 0) {
        judge_greeting(inquiry, now, true);
    } else if (inquiry->stage == STAGE_LISTENING) {
        ask_first(inquiry, now);
    } else if (may_keep(inquiry) && inquiry->arrived == 0 && inquiry->dialogue.out_size == 0 && !stuck) {
        keep_aside(inquiry, now);
    } else {
        inquiry->manners.silences += inquiry->arrived == 0;
        hear(inquiry, now, DIALOGUE_LATE);
    }
}

int inquiry_late(struct inquiry *inquiry, struct mono_time now, bool stuck)
{
    inquiry->manners.stuck += stuck && inquiry->arrived == 0;
    switch (inquiry->stage) {
    case STAGE_CONNECTING:
        inquiry_failed(inquiry, now);
        break;
    case STAGE_SHAKING:
        inquiry->manners.silences++;
        return inquiry_unsecured(inquiry, now, &no_word);
    case STAGE_SECURING:
        return inquiry_unsecured(inquiry, now, &no_word);
    case STAGE_LISTENING:
    case STAGE_TALKING:
        be_late(inquiry, now, stuck);
        break;
    case STAGE_PARTING:
        finish_dialogue(inquiry, now);
        break;
    case STAGE_PAUSED:
        inquiry->stage = STAGE_WANTED;
        break;
    case STAGE_WANTED:
    case STAGE_RETURNING:
    case STAGE_OVER:
        break;
    }
    return 0;
}
