#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scanner/service/inquiry.h"

/* Protocols of this test's own, each with a letter: a server of letter X greets "X hello\n", or answers "X?\n" by
 * "X yes\n"; whoever asks for more says "X more\n" and gets "X done\n". */

enum { BRIDGE = 1, ONCE_MORE = 2 }; /* what a protocol does besides */

static bool is_letters(struct span bytes, char letter)
{
    return bytes.size >= 2 && bytes.bytes[0] == (uint8_t)letter && bytes.bytes[1] == ' ';
}

static enum protocol_match recognise_letter(struct span bytes, char letter)
{
    if (bytes.size < 2) {
        return bytes.size == 0 || bytes.bytes[0] == (uint8_t)letter ? PROTOCOL_MAYBE : PROTOCOL_NO;
    }
    return is_letters(bytes, letter) ? PROTOCOL_YES : PROTOCOL_NO;
}

static enum dialogue_next hear_letter(struct dialogue *dialogue, enum dialogue_event event, char letter, int habits)
{
    struct span line;

    if (event == DIALOGUE_UNSECURED) {
        return DIALOGUE_DONE;
    }
    if (event == DIALOGUE_SECURED) {
        dialogue_sendf(dialogue, "%c more\n", letter);
        return DIALOGUE_WAIT;
    }
    if (!dialogue_take_line(dialogue, &line)) {
        return event == DIALOGUE_ARRIVED ? DIALOGUE_WAIT : DIALOGUE_FOREIGN;
    }
    if (!is_letters(line, letter)) {
        return DIALOGUE_FOREIGN;
    }
    dialogue->recognised = true;
    if (span_find(line, SPAN_OF("400")) >= 0) {
        facts_set_number(dialogue->facts, "http.status", 400);
        return DIALOGUE_DONE;
    }
    if (span_find(line, SPAN_OF("done")) >= 0) {
        facts_set_string(dialogue->facts, "product", "finished");
        facts_set_truth(dialogue->facts, "tls.required", dialogue->secured);
        dialogue_sendf(dialogue, "%c quit\n", letter);
        return DIALOGUE_DONE;
    }
    if ((habits & BRIDGE) != 0 && !dialogue->secured) {
        dialogue_sendf(dialogue, "%c secure\n", letter);
        return DIALOGUE_SECURE;
    }
    if ((habits & ONCE_MORE) != 0 && dialogue->step++ == 0) {
        return DIALOGUE_AGAIN;
    }
    dialogue_sendf(dialogue, "%c more\n", letter);
    return DIALOGUE_WAIT;
}

#define LETTER(word, letter, habits, ...)                                                                              \
    static enum protocol_match recognise_##word(struct span bytes)                                                     \
    {                                                                                                                  \
        return recognise_letter(bytes, letter);                                                                        \
    }                                                                                                                  \
    static void ask_##word(struct dialogue *dialogue)                                                                  \
    {                                                                                                                  \
        dialogue_send_text(dialogue, (char[]){letter, '?', '\n', '\0'});                                               \
    }                                                                                                                  \
    static enum dialogue_next hear_##word(struct dialogue *dialogue, enum dialogue_event event)                        \
    {                                                                                                                  \
        return hear_letter(dialogue, event, letter, habits);                                                           \
    }                                                                                                                  \
    static const struct protocol protocol_##word = {                                                                   \
        .name = #word, .recognise = recognise_##word, .hear = hear_##word, __VA_ARGS__}

LETTER(http, 'H', 0, .ask = ask_http, .ports = "80,8080", .tls_ports = "443", .rank = 1);
LETTER(alpha, 'A', 0, .ask = ask_alpha, .waits = true, .ports = "1001", .tls_ports = "2001", .rank = 3);
LETTER(bravo, 'B', ONCE_MORE, .ask = ask_bravo, .ports = "1002", .tls_ports = "", .rank = 2);
LETTER(charlie, 'C', BRIDGE, .ask = ask_charlie, .ports = "1003", .tls_ports = "", .rank = 9);
LETTER(delta, 'D', 0, .ask = ask_delta, .ports = "1004", .tls_ports = "", .rank = 5, .delicate = true);
LETTER(echo, 'E', 0, .ask = ask_echo, .ports = "1005", .tls_ports = "", .rank = 0);
LETTER(golf, 'G', 0, .ask = NULL, .ports = "1006", .tls_ports = "2006", .rank = 1, .greets = true);
LETTER(hotel, 'O', BRIDGE, .ask = NULL, .ports = "1007", .tls_ports = "", .rank = 1, .greets = true);
LETTER(india, 'I', 0, .ask = NULL, .ports = "1008", .tls_ports = "", .rank = 1, .greets = true, .delicate = true);

static const struct protocol *const table[] = {&protocol_http,    &protocol_alpha, &protocol_bravo,
                                               &protocol_charlie, &protocol_delta, &protocol_echo,
                                               &protocol_golf,    &protocol_hotel, &protocol_india};

enum { PROTOCOLS = sizeof(table) / sizeof(*table), SERVERS = 20000 };

static const char letters[PROTOCOLS + 1] = "HABCDEGOI";

static void silence_unused(void)
{
    (void)ask_golf;
    (void)ask_hotel;
    (void)ask_india;
}

/* What a server does with words that are not its own. */
enum answer { SAYS_NOTHING, CLOSES, RESETS, COMPLAINS, BABBLES, ANSWERS };

struct server {
    char letter; /* 0: none of the protocols */
    bool greets;
    bool tls;         /* from the first byte */
    bool tls_refuses; /* whatever it is offered: it would be asked by a name */
    bool tls_hints;   /* who asks it in clear is told so in clear, as servers of HTTP do */
    bool bridges;     /* goes over to TLS */
    enum tls_version lowest;
    enum tls_version highest;
    enum answer foreign;
    uint32_t rtt_ms;
    uint32_t greet_ms;
    uint32_t answer_ms;
    uint32_t piece;   /* bytes at a time */
    uint32_t refuses; /* of so many connects one; 0: none */
    bool ends_at_once;
    bool stuck;
    bool serial;        /* it hears one connection at a time */
    bool cramped;       /* nothing can be kept aside, for want of room here */
    bool contended;     /* another of the host's delicate servers is talked to whenever it is asked */
    const char *floods; /* said without an end */
    uint32_t flood_ms;
};

static uint64_t random_state;

static uint32_t pick(uint32_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % below;
}

/* What is on its way from the server. */
struct event {
    uint64_t at_ms;
    enum { NOTHING, CONNECTED, FAILED, BYTES, END, RESET, SECURED, UNSECURED } kind;
    char text[80];
};

enum { EVENTS = 128 };

/* A connection that the inquiry has set aside, with what comes on it. */
struct aside {
    bool open;
    struct event events[EVENTS];
    uint32_t event_count;
    char heard[4096];
    size_t heard_size;
};

struct run {
    const struct server *server;
    struct inquiry *inquiry;
    uint64_t now_ms;
    uint64_t open_ms; /* time with a connection */
    uint64_t opened_ms;
    struct event events[EVENTS]; /* in order of time */
    uint32_t event_count;
    bool open;
    bool secured;
    bool asked_secure;
    bool granted;     /* it may be talked to as a delicate server */
    char heard[4096]; /* of this connection, by the server */
    size_t heard_size;
    uint32_t connects;
    uint32_t quits;
    struct aside aside;
    uint32_t returns;
    uint32_t most_open; /* connections at a time */
};

static struct mono_time at(uint64_t ms)
{
    return (struct mono_time){(ms + 1000) * 1000000};
}

static void schedule(struct run *run, uint64_t after_ms, int kind, const char *text)
{
    struct event *event;

    assert_in_range(run->event_count, 0, EVENTS - 1);
    event = &run->events[run->event_count++];
    *event = (struct event){.at_ms = run->now_ms + after_ms, .kind = kind};
    if (run->event_count > 1 && event[-1].at_ms > event->at_ms) {
        event->at_ms = event[-1].at_ms;
    }
    snprintf(event->text, sizeof(event->text), "%s", text);
}

static void say(struct run *run, uint32_t after_ms, const char *text)
{
    uint32_t delay_ms = run->server->rtt_ms + after_ms;

    for (size_t size = strlen(text); size > 0;) {
        char piece[80];
        size_t cut = run->server->piece < size ? run->server->piece : size;
        snprintf(piece, sizeof(piece), "%.*s", (int)cut, text);
        schedule(run, delay_ms, BYTES, piece);
        text += cut;
        size -= cut;
        delay_ms += 5;
    }
}

static void start_talk(struct run *run)
{
    char text[16];

    if (run->server->ends_at_once) {
        schedule(run, run->server->rtt_ms, END, "");
    } else if (run->server->floods != NULL) {
        schedule(run, run->server->flood_ms, BYTES, run->server->floods);
    } else if (run->server->greets && run->server->tls == run->secured && run->server->letter != 0) {
        snprintf(text, sizeof(text), "%c hello\n", run->server->letter);
        say(run, run->server->greet_ms, text);
    }
}

static void answer_foreign(struct run *run)
{
    const struct server *server = run->server;
    char text[32];

    switch (server->foreign) {
    case SAYS_NOTHING:
    case ANSWERS:
        break;
    case CLOSES:
        schedule(run, server->rtt_ms + server->answer_ms, END, "");
        break;
    case RESETS:
        schedule(run, server->rtt_ms + server->answer_ms, RESET, "");
        break;
    case COMPLAINS:
        snprintf(text, sizeof(text), "%c what\n", server->letter != 0 ? server->letter : '#');
        say(run, server->answer_ms, text);
        schedule(run, server->rtt_ms + server->answer_ms, END, "");
        break;
    case BABBLES:
        say(run, server->answer_ms, "# % & $\n");
        break;
    }
}

static void answer_line(struct run *run, const char *line)
{
    const struct server *server = run->server;
    char text[32];

    if (server->tls && !server->tls_hints && !run->secured) {
        if (server->foreign == COMPLAINS) {
            /* In TLS: an alert. */
            say(run, server->answer_ms, "\x15\x03\x03");
            schedule(run, server->rtt_ms + server->answer_ms, END, "");
        } else {
            answer_foreign(run);
        }
        return;
    }
    if (server->tls_hints && !run->secured) {
        say(run, server->answer_ms, "H 400\n");
        return;
    }
    if (server->letter == 0 || line[0] != server->letter) {
        answer_foreign(run);
        return;
    }
    if (strcmp(line + 1, " quit") == 0) {
        run->quits++;
        return;
    }
    if (strcmp(line + 1, " secure") == 0) {
        run->asked_secure = true;
        return;
    }
    snprintf(text, sizeof(text), "%c %s\n", server->letter, strcmp(line + 1, " more") == 0 ? "done" : "yes");
    say(run, server->answer_ms, text);
}

static void take_outgoing(struct run *run)
{
    struct span out = inquiry_outgoing(run->inquiry);

    if (!run->open || out.size == 0 || run->server->stuck) {
        return;
    }
    if (run->server->serial && run->aside.open) {
        inquiry_sent(run->inquiry, at(run->now_ms), out.size);
        return;
    }
    assert_in_range(run->heard_size + out.size, 0, sizeof(run->heard));
    memcpy(run->heard + run->heard_size, out.bytes, out.size);
    run->heard_size += out.size;
    inquiry_sent(run->inquiry, at(run->now_ms), out.size);
    for (char *end = memchr(run->heard, '\n', run->heard_size); end != NULL;
         end = memchr(run->heard, '\n', run->heard_size)) {
        size_t size = (size_t)(end - run->heard) + 1;
        *end = '\0';
        /* Nothing is said to a delicate server unless it is its turn. */
        assert_true(run->granted || (run->heard[0] != 'D' && run->heard[0] != 'I'));
        answer_line(run, run->heard);
        memmove(run->heard, run->heard + size, run->heard_size - size);
        run->heard_size -= size;
    }
}

static void close_run(struct run *run)
{
    if (run->open) {
        run->open_ms += run->now_ms - run->opened_ms;
    }
    run->open = false;
    run->event_count = 0;
}

static void set_aside(struct run *run)
{
    assert_false(run->aside.open || run->secured);
    if (run->server->cramped) {
        inquiry_unkept(run->inquiry);
        return;
    }
    run->aside.open = true;
    run->aside.event_count = run->event_count;
    memcpy(run->aside.events, run->events, sizeof(run->events));
    run->aside.heard_size = run->heard_size;
    memcpy(run->aside.heard, run->heard, run->heard_size);
}

static void take_back(struct run *run)
{
    assert_true(run->aside.open);
    close_run(run);
    run->open = true;
    run->opened_ms = run->now_ms;
    run->secured = false;
    run->event_count = run->aside.event_count;
    memcpy(run->events, run->aside.events, sizeof(run->events));
    run->heard_size = run->aside.heard_size;
    memcpy(run->heard, run->aside.heard, run->heard_size);
    run->aside.open = false;
    run->returns++;
    inquiry_returned(run->inquiry, at(run->now_ms));
}

static void shake(struct run *run, const struct inquiry_wish *wish, bool willing)
{
    const struct server *server = run->server;
    bool agree = willing && !server->tls_refuses && wish->lowest <= server->highest && server->lowest <= wish->highest;

    schedule(run, server->rtt_ms, agree ? SECURED : UNSECURED, willing ? "alert" : "");
}

static void open_run(struct run *run, const struct inquiry_wish *wish)
{
    const struct server *server = run->server;

    close_run(run);
    run->open = true;
    run->opened_ms = run->now_ms;
    run->secured = false;
    run->asked_secure = false;
    run->heard_size = 0;
    run->connects++;
    run->granted = wish->delicate;
    inquiry_begun(run->inquiry, at(run->now_ms));
    if (server->refuses > 0 && run->connects % server->refuses == 0) {
        schedule(run, server->rtt_ms, FAILED, "");
        return;
    }
    schedule(run, server->rtt_ms, CONNECTED, "");
    if (wish->secured && (server->tls || server->foreign != SAYS_NOTHING)) {
        shake(run, wish, server->tls);
    } else if (!wish->secured) {
        run->heard_size = 0;
    }
}

static void happen(struct run *run, const struct event *event)
{
    struct mono_time now = at(run->now_ms);
    struct inquiry_wish wish = inquiry_wish(run->inquiry);
    struct facts none = {0};
    struct inquiry_tls tls = {.facts = &none, .certificate = SPAN_OF("certificate")};
    struct span text = {(const uint8_t *)event->text, strlen(event->text)};
    bool complains = run->server->letter != 0 && run->server->foreign == COMPLAINS;
    struct inquiry_refusal refusal = {0};
    char said[16];

    switch (event->kind) {
    case NOTHING:
        break;
    case CONNECTED:
        inquiry_connected(run->inquiry, now);
        if (!wish.secured) {
            start_talk(run);
        }
        break;
    case FAILED:
        inquiry_failed(run->inquiry, now);
        break;
    case BYTES:
        if (run->server->floods != NULL) {
            schedule(run, run->server->flood_ms, BYTES, run->server->floods);
        }
        assert_int_equal(inquiry_arrived(run->inquiry, now, text), 0);
        break;
    case END:
    case RESET:
        assert_int_equal(inquiry_ended(run->inquiry, now, event->kind == RESET), 0);
        break;
    case SECURED:
        tls.version = wish.highest < run->server->highest ? wish.highest : run->server->highest;
        run->secured = true;
        run->asked_secure = false;
        assert_int_equal(inquiry_secured(run->inquiry, now, &tls), 0);
        if (run->server->tls) {
            start_talk(run);
        }
        break;
    case UNSECURED:
        snprintf(said, sizeof(said), "%c what\n", run->server->letter);
        refusal.alerted = text.size > 0;
        refusal.alert = text.size > 0 ? SPAN_OF("internal_error") : refusal.alert;
        refusal.said = complains && text.size == 0 ? (struct span){(uint8_t *)said, strlen(said)} : refusal.said;
        assert_int_equal(inquiry_unsecured(run->inquiry, now, &refusal), 0);
        break;
    }
}

/* Does what the inquiry wishes, until it waits. False once it is over. */
static bool comply(struct run *run, uint32_t *connection)
{
    for (;;) {
        struct inquiry_wish wish = inquiry_wish(run->inquiry);
        uint32_t open;
        run->aside.open = run->aside.open && wish.keeps;
        open = (uint32_t)run->open + (uint32_t)run->aside.open;
        run->most_open = open > run->most_open ? open : run->most_open;
        switch (wish.next) {
        case INQUIRY_OVER:
            close_run(run);
            return false;
        case INQUIRY_RETURN:
            take_back(run);
            break;
        case INQUIRY_OPEN:
            if (wish.keep) {
                set_aside(run);
            }
            open_run(run, &wish);
            *connection = inquiry_connections(run->inquiry);
            return true;
        case INQUIRY_PAUSE:
            close_run(run);
            return true;
        case INQUIRY_SECURE:
            if (run->event_count == 0 && run->asked_secure) {
                shake(run, &wish, run->server->bridges);
            }
            return true;
        case INQUIRY_TALK:
            if (wish.delicate && !wish.heard && !run->granted && run->server->contended) {
                inquiry_put_off(run->inquiry, at(run->now_ms));
                break;
            }
            run->granted |= wish.delicate;
            take_outgoing(run);
            if (inquiry_wish(run->inquiry).next == INQUIRY_TALK) {
                return true;
            }
            break;
        }
    }
}

/* What comes on the connection that is set aside, if that is the next to happen. */
static bool overhear(struct run *run, uint64_t due_ms)
{
    const struct event *event = &run->aside.events[0];
    bool sooner = run->event_count == 0 || event->at_ms < run->events[0].at_ms;

    if (!run->aside.open || run->aside.event_count == 0 || !sooner || event->at_ms > due_ms) {
        return false;
    }
    run->now_ms = event->at_ms > run->now_ms ? event->at_ms : run->now_ms;
    if (event->kind == BYTES) {
        inquiry_overheard(run->inquiry, at(run->now_ms));
    } else {
        inquiry_unkept(run->inquiry);
        run->aside.open = false;
    }
    return true;
}

static void drive(struct run *run, const struct server *server, uint16_t port, bool brief)
{
    struct inquiry_options options = {.target = {.host = "10.0.0.1", .port = port, .doors = true},
                                      .table = table,
                                      .table_count = PROTOCOLS,
                                      .brief = brief};
    uint32_t connection = 0;

    *run = (struct run){.server = server, .inquiry = inquiry_create(&options)};
    assert_non_null(run->inquiry);
    for (uint32_t turns = 0; comply(run, &connection); turns++) {
        uint64_t due_ms = inquiry_deadline(run->inquiry).ns / 1000000 - 1000;
        struct event event;
        assert_in_range(turns, 0, 20000);
        if (overhear(run, due_ms)) {
            continue;
        }
        if (run->event_count > 0 && run->events[0].at_ms <= due_ms) {
            event = run->events[0];
            memmove(run->events, run->events + 1, --run->event_count * sizeof(*run->events));
            run->now_ms = event.at_ms > run->now_ms ? event.at_ms : run->now_ms;
            happen(run, &event);
        } else {
            run->now_ms = due_ms > run->now_ms ? due_ms : run->now_ms;
            assert_int_equal(inquiry_late(run->inquiry, at(run->now_ms), server->stuck), 0);
        }
    }
    assert_in_range(run->connects, 1, INQUIRY_CONNECTIONS_MAX);
    assert_in_range(run->open_ms, 0, INQUIRY_TIME_MAX_MS + 1000);
}

static const struct facts *facts_of(const struct run *run)
{
    return &inquiry_identity(run->inquiry)->facts;
}

static struct server random_server(size_t index)
{
    struct server server = {
        .letter = letters[index],
        .greets = table[index]->greets,
        .foreign = (enum answer)pick(ANSWERS),
        .rtt_ms = pick(4) == 0 ? pick(200) : pick(3),
        .answer_ms = pick(4) == 0 ? pick(300) : pick(20),
        .piece = 1 + pick(12),
        .lowest = (enum tls_version)pick(3),
        .highest = TLS_1_2 + (enum tls_version)pick(2),
    };

    server.tls = pick(3) == 0;
    server.bridges = pick(4) != 0;
    /* Who ends connections that it has not greeted on is not that slow. */
    server.greet_ms = pick(5) == 0 ? pick(server.foreign == SAYS_NOTHING ? 10000 : 4000) : pick(200);
    server.refuses = pick(4) == 0 ? 4 + pick(8) : 0;
    server.contended = pick(2) == 0;
    server.cramped = pick(4) == 0;
    return server;
}

static uint16_t random_port(size_t index)
{
    if (pick(3) == 0 && table[index]->ports[0] != '\0') {
        return (uint16_t)strtol(table[index]->ports, NULL, 10);
    }
    return pick(2) == 0 ? (uint16_t)(1001 + pick(8)) : (uint16_t)(20000 + pick(1000));
}

static void finds_what_answers(void **state)
{
    (void)state;
    silence_unused();
    for (uint32_t i = 0; i < SERVERS; i++) {
        size_t index;
        struct server server;
        struct run run;
        uint16_t port;
        const char *found;
        random_state = i * UINT64_C(7919) + 17;
        index = pick(PROTOCOLS);
        server = random_server(index);
        port = random_port(index);
        /* Never asked where nothing suggests it. */
        if (letters[index] == 'E' && port != 1005) {
            continue;
        }
        drive(&run, &server, port, false);
        found = facts_text(facts_of(&run), "service");
        if (found == NULL || strcmp(found, table[index]->name) != 0) {
            fail_msg("server %u (%s on %u, tls %d, foreign %d, rtt %u, greet %u, answer %u, refuses %u): %s", i,
                     table[index]->name, port, server.tls, server.foreign, server.rtt_ms, server.greet_ms,
                     server.answer_ms, server.refuses, found != NULL ? found : "nothing");
        }
        assert_int_equal(facts_truth(facts_of(&run), "tls", !server.tls), server.tls);
        assert_non_null(facts_find(facts_of(&run), "cleartext"));
        /* Whoever talks inside TLS from the first byte on knows it. */
        assert_true(!server.tls || facts_truth(facts_of(&run), "tls.required", true));
        /* To the end, over a second connection too. */
        assert_true(letters[index] != 'B' || facts_text(facts_of(&run), "product") != NULL);
        inquiry_destroy(run.inquiry);
    }
}

/* Ends within its bounds, and says what the port does. */
static void check_behaviour(const struct server *server, uint16_t port, const char *behaviour, uint32_t most_ms)
{
    struct run run;
    const char *found;

    drive(&run, server, port, false);
    found = facts_text(facts_of(&run), "behaviour");
    assert_null(facts_text(facts_of(&run), "service"));
    assert_non_null(found);
    assert_string_equal(found, behaviour);
    assert_in_range(run.open_ms, 0, most_ms);
    inquiry_destroy(run.inquiry);
}

static void says_what_is_no_service(void **state)
{
    static const uint16_t ports[] = {80, 443, 1002, 1006, 2006, 30000};
    (void)state;
    for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
        check_behaviour(&(struct server){.piece = 1}, ports[i], "silent", INQUIRY_SILENT_MS);
        check_behaviour(&(struct server){.piece = 1, .stuck = true}, ports[i], "zero-window", INQUIRY_SILENT_MS);
        check_behaviour(&(struct server){.piece = 1, .ends_at_once = true, .foreign = CLOSES}, ports[i], "closes",
                        1000);
        check_behaviour(&(struct server){.piece = 1, .foreign = RESETS}, ports[i], "resets", 12000);
    }
}

/* It takes its time to greet, on a port where nobody expects it to: it is heard on the connection that was kept. */
static void hears_who_is_slow(void **state)
{
    struct server greeter = {.letter = 'G', .greets = true, .greet_ms = 9900, .piece = 64};
    struct server answerer = {.letter = 'H', .answer_ms = 9000, .piece = 64};
    struct run run;
    (void)state;
    drive(&run, &greeter, 30000, false);
    assert_string_equal(facts_text(facts_of(&run), "service"), "golf");
    assert_string_equal(facts_text(facts_of(&run), "product"), "finished");
    assert_int_equal(run.returns, 1);
    inquiry_destroy(run.inquiry);
    drive(&run, &answerer, 30000, false);
    assert_string_equal(facts_text(facts_of(&run), "service"), "http");
    assert_int_equal(run.returns, 1);
    inquiry_destroy(run.inquiry);
}

/* What is kept aside has its ear, and what it waits for there never comes. */
static void hears_who_hears_one_at_a_time(void **state)
{
    struct server server = {.letter = 'A', .serial = true, .piece = 64};
    struct run run;
    (void)state;
    drive(&run, &server, 30000, false);
    assert_string_equal(facts_text(facts_of(&run), "service"), "alpha");
    assert_string_equal(facts_text(facts_of(&run), "product"), "finished");
    inquiry_destroy(run.inquiry);
}

/* Nothing can be kept aside: it is waited for at the end. */
static void hears_who_is_slow_without_room(void **state)
{
    struct server greeter = {.letter = 'G', .greets = true, .greet_ms = 9900, .piece = 64, .cramped = true};
    struct run run;
    (void)state;
    drive(&run, &greeter, 30000, false);
    assert_string_equal(facts_text(facts_of(&run), "service"), "golf");
    assert_int_equal(run.returns, 0);
    inquiry_destroy(run.inquiry);
}

/* Nothing is kept beside another connection where a delicate server is likely, nor once any server has spoken. */
static void keeps_nothing_beside_a_delicate_server(void **state)
{
    struct server silent = {.piece = 1};
    struct run run;
    (void)state;
    drive(&run, &silent, 1004, false);
    assert_int_equal(run.most_open, 1);
    inquiry_destroy(run.inquiry);
    drive(&run, &silent, 30000, false);
    assert_int_equal(run.most_open, 2);
    inquiry_destroy(run.inquiry);
    for (int answer = CLOSES; answer <= BABBLES; answer++) {
        struct server foreign = {.letter = 'D', .foreign = (enum answer)answer, .piece = 64};
        drive(&run, &foreign, 30000, false);
        assert_string_equal(facts_text(facts_of(&run), "service"), "delta");
        assert_int_equal(run.most_open, 1);
        inquiry_destroy(run.inquiry);
    }
}

/* Whoever complains in its own tongue is not asked by all the others first; whoever closes at once is left soon. */
static void needs_few_connections(void **state)
{
    struct server complains = {.letter = 'C', .foreign = COMPLAINS, .piece = 64};
    struct server closes = {.piece = 1, .ends_at_once = true, .foreign = CLOSES};
    struct server fragile = {.letter = 'D', .tls = true, .highest = TLS_1_3, .piece = 64};
    struct run run;
    (void)state;
    drive(&run, &complains, 30000, false);
    assert_string_equal(facts_text(facts_of(&run), "service"), "charlie");
    assert_int_equal(run.connects, 2);
    inquiry_destroy(run.inquiry);
    drive(&run, &closes, 30000, false);
    assert_in_range(run.connects, 1, 4);
    inquiry_destroy(run.inquiry);
    /* In clear, HTTP there, TLS, and once for old versions. */
    drive(&run, &fragile, 1004, false);
    assert_string_equal(facts_text(facts_of(&run), "service"), "delta");
    assert_int_equal(run.connects, 4);
    inquiry_destroy(run.inquiry);
}

static void gives_up_a_port_that_refuses(void **state)
{
    struct server server = {.piece = 1, .refuses = 1};
    struct run run;
    (void)state;
    drive(&run, &server, 80, false);
    assert_int_equal(run.connects, 3);
    assert_int_equal(facts_of(&run)->count, 0);
    inquiry_destroy(run.inquiry);
}

/* What never ends is left: by time or by bytes. */
static void bears_floods(void **state)
{
    static const struct server servers[] = {
        {.floods = "x", .flood_ms = 1000},
        {.floods = "A", .flood_ms = 1000},
        {.floods = "A ", .flood_ms = 100},
        {.floods = "A something that has no end of its line, ever, and comes at once", .flood_ms = 0},
        {.floods = "nobody knows\n", .flood_ms = 0},
        {.floods = "I \n", .flood_ms = 900},
        {.floods = "H\n", .flood_ms = 300},
    };
    static const uint16_t ports[] = {80, 1001, 1008, 30000};
    (void)state;
    for (size_t i = 0; i < sizeof(servers) / sizeof(*servers); i++) {
        for (size_t port = 0; port < sizeof(ports) / sizeof(*ports); port++) {
            struct run run;
            drive(&run, &servers[i], ports[port], false);
            assert_in_range(run.open_ms, 0, INQUIRY_TIME_MAX_MS);
            assert_null(facts_text(facts_of(&run), "behaviour"));
            inquiry_destroy(run.inquiry);
        }
    }
}

static void check_versions(size_t index, struct server *server, uint16_t port, const char *versions, const char *lowest)
{
    struct run run;

    server->letter = letters[index];
    server->piece = 64;
    drive(&run, server, port, false);
    assert_string_equal(facts_text(facts_of(&run), "service"), table[index]->name);
    assert_string_equal(facts_text(facts_of(&run), "tls.versions"), versions);
    assert_string_equal(facts_text(facts_of(&run), "tls.version"), lowest);
    assert_string_equal(facts_text(facts_of(&run), "product"), "finished");
    assert_in_range(run.quits, 1, TLS_VERSIONS);
    assert_int_equal(inquiry_identity(run.inquiry)->certificate_size, strlen("certificate"));
    inquiry_destroy(run.inquiry);
}

static void asks_for_each_version(void **state)
{
    enum { HTTP, ALPHA, BRAVO, CHARLIE, DELTA, ECHO, GOLF, HOTEL };
    struct server all = {.tls = true, .lowest = TLS_1_0, .highest = TLS_1_3};
    struct server some = {.tls = true, .lowest = TLS_1_1, .highest = TLS_1_2};
    struct server bridge = {.bridges = true, .lowest = TLS_1_2, .highest = TLS_1_3};
    struct server greeter = {.greets = true, .bridges = true, .lowest = TLS_1_0, .highest = TLS_1_2};
    struct server fragile = {.tls = true, .lowest = TLS_1_0, .highest = TLS_1_3};
    (void)state;
    check_versions(ALPHA, &all, 2001, "1.0 1.1 1.2 1.3", "1.0");
    check_versions(ALPHA, &some, 30000, "1.1 1.2", "1.1");
    check_versions(CHARLIE, &bridge, 1003, "1.2 1.3", "1.2");
    check_versions(HOTEL, &greeter, 1007, "1.0 1.1 1.2", "1.0");
    /* A delicate one is asked only once more, for what is out of date. */
    check_versions(DELTA, &fragile, 1004, "1.1 1.3", "1.1");
}

/* In clear it only says that it wants TLS. */
static void looks_behind_a_hint(void **state)
{
    struct server server = {.letter = 'H', .tls = true, .tls_hints = true, .highest = TLS_1_3, .piece = 64};
    struct run run;
    (void)state;
    drive(&run, &server, 30000, false);
    assert_string_equal(facts_text(facts_of(&run), "service"), "http");
    assert_true(facts_truth(facts_of(&run), "tls", false));
    assert_null(facts_find(facts_of(&run), "http.status"));
    inquiry_destroy(run.inquiry);
    /* TLS is not spoken there after all. */
    server.tls = false;
    drive(&run, &server, 30000, false);
    assert_string_equal(facts_text(facts_of(&run), "service"), "http");
    assert_false(facts_truth(facts_of(&run), "tls", true));
    assert_true(facts_truth(facts_of(&run), "cleartext", false));
    inquiry_destroy(run.inquiry);
}

/* It is known to speak TLS, and HTTP inside, although it lets nobody in who does not know its name: on a strange port,
 * on one that is known for TLS, and when it says nothing in clear. */
static void knows_who_refuses_tls(void **state)
{
    static const uint16_t ports[] = {30000, 443, 80};
    struct server server = {
        .letter = 'H', .tls = true, .tls_hints = true, .tls_refuses = true, .highest = TLS_1_3, .piece = 64};
    struct run run;
    (void)state;
    for (int hints = 0; hints < 2; hints++) {
        server.tls_hints = hints != 0;
        for (size_t i = 0; i < sizeof(ports) / sizeof(*ports); i++) {
            drive(&run, &server, ports[i], false);
            assert_string_equal(facts_text(facts_of(&run), "service"), hints != 0 ? "http" : "tls");
            assert_true(facts_truth(facts_of(&run), "tls", false));
            assert_false(facts_truth(facts_of(&run), "cleartext", true));
            assert_string_equal(facts_text(facts_of(&run), "tls.alert"), "internal_error");
            assert_null(facts_find(facts_of(&run), "http.status"));
            inquiry_destroy(run.inquiry);
        }
    }
}

static void keeps_an_unknown_greeting(void **state)
{
    struct server server = {.letter = '#', .greets = true, .foreign = SAYS_NOTHING, .piece = 64};
    struct run run;
    (void)state;
    drive(&run, &server, 30000, false);
    assert_null(facts_text(facts_of(&run), "service"));
    assert_null(facts_text(facts_of(&run), "behaviour"));
    assert_string_equal(facts_text(facts_of(&run), "banner"), "# hello");
    assert_int_equal(inquiry_identity(run.inquiry)->evidence.count, 1);
    assert_in_range(run.open_ms, 0, 15000);
    inquiry_destroy(run.inquiry);
}

/* On a host that accepts every port. */
static void is_brief(void **state)
{
    struct server silent = {.piece = 1};
    struct server real = {.letter = 'A', .piece = 64, .answer_ms = 100};
    struct run run;
    (void)state;
    drive(&run, &silent, 1001, true);
    assert_in_range(run.open_ms, 0, 2000);
    inquiry_destroy(run.inquiry);
    drive(&run, &silent, 443, true);
    assert_in_range(run.open_ms, 0, 4000);
    inquiry_destroy(run.inquiry);
    drive(&run, &real, 1001, true);
    assert_string_equal(facts_text(facts_of(&run), "service"), "alpha");
    inquiry_destroy(run.inquiry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_answers),
        cmocka_unit_test(says_what_is_no_service),
        cmocka_unit_test(hears_who_is_slow),
        cmocka_unit_test(hears_who_hears_one_at_a_time),
        cmocka_unit_test(hears_who_is_slow_without_room),
        cmocka_unit_test(keeps_nothing_beside_a_delicate_server),
        cmocka_unit_test(needs_few_connections),
        cmocka_unit_test(gives_up_a_port_that_refuses),
        cmocka_unit_test(bears_floods),
        cmocka_unit_test(asks_for_each_version),
        cmocka_unit_test(looks_behind_a_hint),
        cmocka_unit_test(knows_who_refuses_tls),
        cmocka_unit_test(keeps_an_unknown_greeting),
        cmocka_unit_test(is_brief),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
