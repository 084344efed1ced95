#include "scanner/service/inquiry_inside.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
    inquiry_next_errand(inquiry, (struct mono_time){0});
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
        suggest(inquiry, inquiry_head_of(inquiry));
    }
    inquiry_keep_evidence(inquiry);
    inquiry_next_errand(inquiry, now);
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

    inquiry_take_trial(inquiry);
    if (in_clear && inquiry->tls_seen && !inquiry->tls_stood) {
        keep_to_tls(inquiry);
    }
    inquiry->unwelcome |= inquiry->dialogue.unwelcome;
    if (again) {
        inquiry->misdirected = true;
        inquiry_close_connection(inquiry, now);
        inquiry_want_tls(inquiry);
        return;
    }
    inquiry->found = inquiry->protocol;
    inquiry_next_errand(inquiry, now);
}

static bool is_end(enum dialogue_event event)
{
    return event == DIALOGUE_CLOSED || event == DIALOGUE_RESET || event == DIALOGUE_UNSECURED;
}

static void finish_dialogue(struct inquiry *inquiry, struct mono_time now)
{
    inquiry->unwelcome |= inquiry->dialogue.unwelcome;
    if (inquiry->errand == ERRAND_VERSION) {
        inquiry_next_errand(inquiry, now);
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
    inquiry_wait_for(inquiry, now, PARTING_MS);
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
    inquiry_close_connection(inquiry, now);
    inquiry->errand = inquiry->errand == ERRAND_VERSION ? ERRAND_VERSION : ERRAND_ASK;
    dialogue_reopen(&inquiry->dialogue);
}

/* The wait goes on, unless nothing can come of it. */
static void go_on(struct inquiry *inquiry, struct mono_time now, enum dialogue_event event)
{
    bool full = inquiry->in_size >= DIALOGUE_IN_MAX || inquiry->arrived >= INQUIRY_CONNECTION_BYTES_MAX;
    bool idle = event == DIALOGUE_LATE && inquiry->dialogue.out_size == 0;

    inquiry->lates += event == DIALOGUE_LATE;
    if (is_end(event) || full || idle || inquiry->lates > LATES_MAX || inquiry_talk_left_ms(inquiry, now) == 0) {
        finish_dialogue(inquiry, now);
    } else {
        inquiry_wait_for_answer(inquiry, now);
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
        inquiry_wait_for(inquiry, now, SHAKE_MS + 3 * inquiry_rtt_ms(inquiry));
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
    inquiry_forget_arrivals(inquiry);
    inquiry->stage = STAGE_TALKING;
    inquiry->asked = now;
    inquiry->lates = 0;
    inquiry->protocol->ask(&inquiry->dialogue);
    inquiry_wait_for_answer(inquiry, now);
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
    if (inquiry->protocol->recognise(inquiry_head_of(inquiry)) == PROTOCOL_MAYBE) {
        take_up(inquiry, now, inquiry->protocol);
    } else if (inquiry->protocol->ask != NULL) {
        ask(inquiry, now);
    } else {
        give_up_protocol(inquiry, now);
    }
}

static void judge_unknown(struct inquiry *inquiry, struct mono_time now)
{
    const struct protocol *protocol = candidates_maybe(&inquiry->candidates, inquiry_head_of(inquiry));

    keep_greeting(inquiry);
    if (protocol != NULL) {
        take_up(inquiry, now, protocol);
        return;
    }
    inquiry_keep_evidence(inquiry);
    inquiry_next_errand(inquiry, now);
}

/* `last`: no more of it comes. */
static void judge_greeting(struct inquiry *inquiry, struct mono_time now, bool last)
{
    bool maybe;
    const struct protocol *protocol = candidates_recognise(&inquiry->candidates, inquiry_head_of(inquiry), &maybe);

    if (protocol == NULL && maybe && !last) {
        inquiry_wait_for(inquiry, now, MORE_MS + 3 * inquiry_rtt_ms(inquiry));
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
        protocol = inquiry_next_protocol(inquiry);
    }
    if (protocol == NULL || protocol->ask == NULL) {
        inquiry->manners.silences++;
        inquiry_next_errand(inquiry, now);
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
    inquiry_next_errand(inquiry, now);
}

/* What was being asked was cut short: its turn comes again. */
static void forget_try(struct inquiry *inquiry)
{
    if (inquiry->candidates.secured) {
        inquiry->tls_tried = false;
        inquiry->listened[true] = false;
        inquiry_enter_layer(inquiry, false);
    } else if (inquiry->protocol != NULL) {
        candidates_clear_tried(&inquiry->candidates, inquiry->protocol);
    }
}

void inquiry_overheard(struct inquiry *inquiry, struct mono_time now)
{
    if (inquiry->aside != ASIDE_KEPT || inquiry->stage == STAGE_OVER || inquiry->stage == STAGE_RETURNING) {
        return;
    }
    inquiry_close_connection(inquiry, now);
    forget_try(inquiry);
    inquiry->stage = STAGE_RETURNING;
}

void inquiry_returned(struct inquiry *inquiry, struct mono_time now)
{
    uint64_t so_far_ms = inquiry_kept_ms(inquiry, now);
    uint64_t most_ms = inquiry_keep_most_ms(inquiry);

    assert(inquiry->stage == STAGE_RETURNING);
    inquiry_want_connection(inquiry, ERRAND_LISTEN, inquiry->aside_protocol);
    inquiry->aside = ASIDE_BACK;
    inquiry->lingered[false] = true;
    inquiry->stage = STAGE_TALKING;
    inquiry->began = now;
    inquiry->asked = inquiry->aside_from;
    inquiry->arrived = 0;
    inquiry->lates = LATES_MAX;
    inquiry_forget_arrivals(inquiry);
    /* It was asked before: what stands there of it is not sent again. */
    inquiry->protocol->ask(&inquiry->dialogue);
    inquiry->dialogue.out_size = 0;
    inquiry_wait_for(inquiry, now, so_far_ms < most_ms ? most_ms - so_far_ms : 0);
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
        inquiry_wait_for(inquiry, now, inquiry_greet_wait_ms(inquiry));
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
    inquiry_forget_arrivals(inquiry);
    inquiry_wait_for(inquiry, now, CONNECT_MS + 3 * inquiry_rtt_ms(inquiry));
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
        inquiry_wait_for(inquiry, now, inquiry_shake_wait_ms(inquiry));
    } else {
        be_ready(inquiry, now);
    }
}

/* No further connection can be had: what is known by now is what there is. */
static void break_off(struct inquiry *inquiry)
{
    inquiry_keep_recognised(inquiry);
    inquiry_conclude(inquiry);
}

void inquiry_failed(struct inquiry *inquiry, struct mono_time now)
{
    inquiry_close_connection(inquiry, now);
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
    inquiry_close_connection(inquiry, now);
    if (inquiry->connections >= INQUIRY_CONNECTIONS_MAX) {
        inquiry_conclude(inquiry);
        return;
    }
    inquiry_want_connection(inquiry, ERRAND_ASK, inquiry->protocol);
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

/* The echo service (RFC 862): all that was asked, and no more, came back. A few bytes alone may be an answer: who
 * speaks another version of AMQP answers its header by a header. */
static bool is_echo(const struct inquiry *inquiry)
{
    const struct evidence *evidence = &inquiry->trial_evidence;
    const struct evidence_turn *asked = &evidence->turns[0];
    const struct evidence_turn *came = &evidence->turns[1];

    return inquiry->stage == STAGE_TALKING && evidence->count == 2 && asked->sent && !came->sent &&
           asked->whole >= ECHO_LEAST && asked->whole == came->whole && asked->size == came->size &&
           memcmp(asked->bytes, came->bytes, asked->size) == 0;
}

static void conclude_echo(struct inquiry *inquiry, struct mono_time now)
{
    inquiry->identity.evidence = inquiry->trial_evidence;
    facts_set_string(&inquiry->identity.facts, "service", "echo");
    inquiry_close_connection(inquiry, now);
    inquiry_conclude(inquiry);
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
        inquiry->slow_ms = inquiry_kept_ms(inquiry, now);
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
    } else if (inquiry->found == NULL && is_echo(inquiry)) {
        conclude_echo(inquiry, now);
    } else {
        hear(inquiry, now, DIALOGUE_ARRIVED);
    }
    return 0;
}

static void count_mute_end(struct inquiry *inquiry, bool reset)
{
    inquiry->manners.resets += reset;
    inquiry->manners.ends += !reset;
    inquiry->manners.closes_unasked |= !reset && inquiry->stage == STAGE_LISTENING;
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

    if (!inquiry_knows_tls(inquiry)) {
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
    inquiry_forget_arrivals(inquiry);
    if (at_once && inquiry->errand == ERRAND_VERSION) {
        inquiry_next_errand(inquiry, now);
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
    inquiry_keep_evidence(inquiry);
    inquiry_close_connection(inquiry, now);
    if (!inquiry->tls_stood && !inquiry->agreed_at_once) {
        inquiry_enter_layer(inquiry, false);
        suggest(inquiry, refusal->said);
    }
    if (misdirected) {
        inquiry_conclude(inquiry);
    } else {
        inquiry_next_errand(inquiry, now);
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
        inquiry_next_errand(inquiry, now);
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

    if (!inquiry_is_open(inquiry)) {
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
        inquiry_next_errand(inquiry, now);
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
    } else if (inquiry_may_keep(inquiry) && inquiry->arrived == 0 && inquiry->dialogue.out_size == 0 && !stuck) {
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
