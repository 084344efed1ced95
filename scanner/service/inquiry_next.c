#include "scanner/service/inquiry_inside.h"

#include <stdio.h>
#include <string.h>

/* Connections. */

struct span inquiry_head_of(const struct inquiry *inquiry)
{
    return (struct span){inquiry->head, inquiry->head_size};
}

void inquiry_forget_arrivals(struct inquiry *inquiry)
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
void inquiry_keep_evidence(struct inquiry *inquiry)
{
    if (inquiry->arrived > 0 && inquiry->identity.evidence.count == 0) {
        inquiry->identity.evidence = inquiry->trial_evidence;
    }
}

void inquiry_close_connection(struct inquiry *inquiry, struct mono_time now)
{
    if (inquiry_is_open(inquiry)) {
        inquiry->spent_ns += mono_elapsed_ns(inquiry->began, now);
        inquiry->stage = STAGE_WANTED;
    }
}

void inquiry_want_connection(struct inquiry *inquiry, enum errand errand, const struct protocol *protocol)
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

void inquiry_enter_layer(struct inquiry *inquiry, bool secured)
{
    inquiry->candidates.secured = secured;
    inquiry->layer_began_ns = inquiry->spent_ns;
}

void inquiry_want_tls(struct inquiry *inquiry)
{
    inquiry->tls_tried = true;
    inquiry->suggests_tls = false;
    inquiry_enter_layer(inquiry, true);
    inquiry->listened[true] = true;
    inquiry_want_connection(inquiry, ERRAND_LISTEN, NULL);
}

static void want_protocol(struct inquiry *inquiry, const struct protocol *protocol)
{
    candidates_set_tried(&inquiry->candidates, protocol);
    inquiry_want_connection(inquiry, ERRAND_ASK, protocol);
}

/* The port's own and HTTP are asked in any case; what greets in an unknown tongue answers no guesses. */
const struct protocol *inquiry_next_protocol(const struct inquiry *inquiry)
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

    return inquiry->connections < INQUIRY_CONNECTIONS_MAX && !inquiry->unwelcome && !closed_to_us &&
           inquiry_has_time(inquiry);
}

static bool choose_first(struct inquiry *inquiry)
{
    bool secured = inquiry->candidates.secured;

    if (!secured && !inquiry->tls_tried && !inquiry->listened[false] && candidates_expect_tls(&inquiry->candidates)) {
        inquiry_want_tls(inquiry);
        return true;
    }
    if (!inquiry->listened[secured]) {
        inquiry->listened[secured] = true;
        inquiry_want_connection(inquiry, ERRAND_LISTEN, NULL);
        return true;
    }
    return false;
}

static bool choose_guess(struct inquiry *inquiry)
{
    const struct protocol *protocol = inquiry_next_protocol(inquiry);

    if (protocol != NULL) {
        want_protocol(inquiry, protocol);
        return true;
    }
    if (!inquiry->tls_tried && inquiry->greeting_size == 0 && !inquiry->options.brief) {
        inquiry_want_tls(inquiry);
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
        inquiry_want_connection(inquiry, ERRAND_LINGER, NULL);
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
        inquiry_want_tls(inquiry);
        return true;
    }
    return choose_first(inquiry) || choose_guess(inquiry);
}

bool inquiry_knows_tls(const struct inquiry *inquiry)
{
    return inquiry->agreed_at_once || inquiry->starts_tls;
}

/* The lowest version that is not known yet. A server that counts broken handshakes is asked once, for both that are out
 * of date. */
static bool choose_version(struct inquiry *inquiry)
{
    bool delicate = inquiry->found != NULL && inquiry->found->delicate;
    int version = TLS_1_0;

    if (!inquiry_knows_tls(inquiry) || inquiry->unwelcome || inquiry->connections >= INQUIRY_CONNECTIONS_MAX ||
        inquiry->spent_ns >= (uint64_t)INQUIRY_TIME_MAX_MS * NS_PER_MS || inquiry->failures >= FAILURES_MAX) {
        return false;
    }
    while (version < TLS_VERSIONS && (inquiry->accepted[version] || inquiry->version_asked[version])) {
        version++;
    }
    if (version == TLS_VERSIONS || (delicate && version > TLS_1_1)) {
        return false;
    }
    inquiry_want_connection(inquiry, ERRAND_VERSION, inquiry->agreed_at_once ? NULL : inquiry->found);
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
    /* Who has closed answers what was sent since by a reset, or not: that is the network's haste. */
    return manners->resets >= manners->ends && !manners->closes_unasked ? "resets" : "closes";
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

void inquiry_conclude(struct inquiry *inquiry)
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

void inquiry_take_trial(struct inquiry *inquiry)
{
    struct identity *identity = &inquiry->identity;

    facts_merge(&identity->facts, &inquiry->trial);
    identity->evidence = inquiry->trial_evidence;
    if (facts_text(&identity->facts, "service") == NULL) {
        facts_set_string(&identity->facts, "service", inquiry->protocol->name);
    }
}

/* A connection that came to nothing takes away nothing of what earlier ones of the same dialogue have shown. */
void inquiry_keep_recognised(struct inquiry *inquiry)
{
    if (inquiry->found == NULL && inquiry->protocol != NULL && inquiry->dialogue.recognised) {
        inquiry_take_trial(inquiry);
        inquiry->found = inquiry->protocol;
    }
}

uint64_t inquiry_kept_ms(const struct inquiry *inquiry, struct mono_time now)
{
    return mono_elapsed_ns(inquiry->aside_from, now) / NS_PER_MS;
}

uint64_t inquiry_keep_most_ms(const struct inquiry *inquiry)
{
    return INQUIRY_KEPT_MS + 3 * inquiry_rtt_ms(inquiry);
}

/* There is nothing left to be asked, and what is kept aside may yet be heard on. */
static bool wants_back(const struct inquiry *inquiry, struct mono_time now)
{
    return inquiry->aside == ASIDE_KEPT && inquiry->found == NULL && inquiry_has_time(inquiry) && !inquiry->barred &&
           inquiry_may_be_slow(inquiry) && inquiry_kept_ms(inquiry, now) < inquiry_keep_most_ms(inquiry);
}

/* All were silent while a connection was kept aside: perhaps only because the server had ears for that one alone. */
static bool ask_alone(struct inquiry *inquiry)
{
    if (inquiry->found != NULL || inquiry->heard || inquiry->asked_alone ||
        (inquiry->aside != ASIDE_KEPT && inquiry->aside != ASIDE_OVER && inquiry->aside != ASIDE_BACK) ||
        !inquiry_may_be_slow(inquiry) || !inquiry_has_time(inquiry)) {
        return false;
    }
    inquiry->asked_alone = true;
    inquiry->aside = ASIDE_OVER;
    inquiry->lingered[false] = true;
    candidates_clear_waiting(&inquiry->candidates);
    return choose_identifying(inquiry);
}

void inquiry_next_errand(struct inquiry *inquiry, struct mono_time now)
{
    inquiry_keep_recognised(inquiry);
    inquiry_close_connection(inquiry, now);
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
    inquiry_conclude(inquiry);
}
