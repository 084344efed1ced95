#include "web/gate.h"

#include "auditd/protocol.h"
#include "web/control.h"
#include "web/cursor.h"
#include "web/exchange.h"
#include "web/framing.h"
#include "web/journal.h"
#include "web/metrics.h"
#include "web/quota.h"
#include "web/route.h"
#include "web/session.h"
#include "web/session_keep.h"
#include "web/token_row.h"
#include "web/utf8.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { GATE_WINDOW_MS = 60000, GATE_LOGGED_MAX = 300, GATE_TAKE_MS = 5000, GATE_COOKIES_MAX = 64 };

struct gate {
    struct gate_options options;
    struct session_table *sessions;
    struct journal *journal;
    struct quota *failures; /* by address */
    struct quota *guesses;  /* of a token that there is, wherever they come from */
    struct quota *requests; /* by token */
    struct quota *logged;   /* refusals, all together: the audit log is no stranger's to fill */
    /* Cookies know hosts, not ports: two servers on loopback would overwrite each other's. */
    char cookie[32];
    char secure_cookie[32];
    unsigned char seal[CURSOR_SEAL_BYTES];
};

/* ---- life ---- */

int gate_create(const struct gate_options *options, struct gate **ret_gate)
{
    struct gate *gate = calloc(1, sizeof(*gate));
    int rc;

    if (gate == NULL) {
        return -ENOMEM;
    }
    gate->options = *options;
    randombytes_buf(gate->seal, sizeof(gate->seal));
    snprintf(gate->cookie, sizeof(gate->cookie), "leastport-%u", options->port);
    snprintf(gate->secure_cookie, sizeof(gate->secure_cookie), "__Host-leastport-%u", options->port);
    gate->sessions = session_table_create(options->port);
    gate->failures = quota_create(options->failures, GATE_WINDOW_MS);
    gate->guesses = quota_create(options->failures, GATE_WINDOW_MS);
    gate->requests = quota_create(options->requests, GATE_WINDOW_MS);
    gate->logged = quota_create(GATE_LOGGED_MAX, GATE_WINDOW_MS);
    rc = gate->sessions == NULL || gate->failures == NULL || gate->guesses == NULL || gate->requests == NULL ||
                 gate->logged == NULL
             ? -ENOMEM
             : journal_create(options->control_path, &gate->journal);
    if (rc < 0) {
        gate_destroy(gate);
        return rc;
    }
    *ret_gate = gate;
    return 0;
}

void gate_destroy(struct gate *gate)
{
    if (gate == NULL) {
        return;
    }
    journal_destroy(gate->journal);
    session_table_destroy(gate->sessions);
    quota_destroy(gate->failures);
    quota_destroy(gate->guesses);
    quota_destroy(gate->requests);
    quota_destroy(gate->logged);
    free(gate);
}

static void gate_seal_texts(crypto_generichash_state *state, const struct store_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        crypto_generichash_update(state, (const unsigned char *)texts->values[i], strlen(texts->values[i]) + 1);
    }
    crypto_generichash_update(state, (const unsigned char *)"", 1);
}

void gate_seal(const struct gate *gate, const struct store_reach *reach, unsigned char ret_seal[CURSOR_SEAL_BYTES])
{
    crypto_generichash_state state;

    crypto_generichash_init(&state, gate->seal, sizeof(gate->seal), CURSOR_SEAL_BYTES);
    gate_seal_texts(&state, &reach->realms);
    gate_seal_texts(&state, &reach->tags);
    crypto_generichash_final(&state, ret_seal, CURSOR_SEAL_BYTES);
}

/* ---- the audit log ---- */

static void gate_log(struct gate *gate, const char *actor, const struct request_head *head, struct gate_event event)
{
    char text[512];

    if (event.refused && quota_take(gate->logged, "", 1, mono_now(), NULL) != 0) {
        return;
    }
    snprintf(text, sizeof(text), "%s%s%.10s %.300s", event.detail, event.detail[0] == '\0' ? "" : ": ", head->method,
             head->target);
    journal_write(gate->journal, &(struct journal_entry){.actor = actor,
                                                         .address = head->address == NULL ? "" : head->address,
                                                         .what = event.what,
                                                         .refused = event.refused,
                                                         .detail = text});
}

void gate_note(struct gate *gate, const struct exchange *exchange, const struct request_head *head,
               struct gate_event event)
{
    const struct principal *principal = &exchange->principal;
    char actor[PRINCIPAL_NAME_SIZE + TOKEN_ID_SIZE + 16];

    snprintf(actor, sizeof(actor), "%s (token %s)", principal->name, principal->token);
    gate_log(gate, principal->token[0] == '\0' ? "unknown" : actor, head, event);
}

/* ---- refusing ---- */

static bool gate_refuse_quota(struct exchange *exchange, uint32_t wait_s, enum metrics_limit limit, const char *what)
{
    metrics_count_refusal(exchange->site->metrics, limit);
    problem_set(&exchange->problem, 429, "%s; wait %u s.", what, wait_s);
    exchange->retry_after_s = wait_s;
    return false;
}

static bool gate_challenge(struct exchange *exchange, const char *detail)
{
    problem_set(&exchange->problem, 401, "%s", detail);
    exchange->challenges = true;
    return false;
}

/* Something was shown, and it opens nothing. `known` is the id of a token that there is, '' for none: that its secret
 * was wrong is noted, and slows down who tries, never who has the right one. */
static bool gate_fail(struct gate *gate, struct exchange *exchange, const struct request_head *head, const char *known,
                      const char *detail)
{
    const char *address = head->address == NULL ? "" : head->address;
    struct mono_time now = mono_now();
    uint32_t over = 0;
    uint32_t guessed_over = 0;
    uint32_t wait_s = quota_take(gate->failures, address, strlen(address), now, &over);
    uint32_t guessed_s = known[0] == '\0' ? 0 : quota_take(gate->guesses, known, strlen(known), now, &guessed_over);

    wait_s = guessed_s > wait_s ? guessed_s : wait_s;
    if (wait_s == 0) {
        gate_log(gate, known[0] == '\0' ? "unknown" : known, head, (struct gate_event){"sign-in failed", true, detail});
        return gate_challenge(exchange, detail);
    }
    if (over == 1 || guessed_over == 1) {
        gate_log(gate, known[0] == '\0' ? "unknown" : known, head,
                 (struct gate_event){"locked out for a minute", true, detail});
    }
    return gate_refuse_quota(exchange, wait_s, METRICS_FAILURES, "Too many failed attempts to sign in");
}

/* ---- what was shown ---- */

struct gate_row {
    struct principal *principal;
    const char *text; /* to be compared with the hash; NULL: a session's token */
    const char *refusal;
    int rc;
    bool is_there;
    bool is_link;
};

/* Expired and revoked only to who knew the secret: others learn nothing of it. */
static int gate_take_row(void *context, const struct store_read_token *token)
{
    struct gate_row *row = context;
    bool is_link = strcmp(token->kind, "link") == 0;

    row->is_there = true;
    row->is_link = is_link;
    if (row->text != NULL && !token_matches(row->text, token->hash)) {
        row->refusal = "The token is not known.";
    } else if (token->revoked_at != 0) {
        row->refusal = "The token was revoked.";
    } else if (token->expires_at != 0 && token->expires_at <= wall_now_ms() && !(is_link && row->text == NULL)) {
        row->refusal =
            is_link ? "The link's time is over; `leastport token link` prints another." : "The token has expired.";
    } else if (is_link && row->text != NULL && token->taken_at != 0) {
        row->refusal = "The link was used already; `leastport token link` prints another.";
    } else {
        row->rc = principal_take(row->principal, token);
    }
    return 0;
}

/* 0 with the row; else the problem of reading is set. */
static int gate_read(struct exchange *exchange, const char *id, struct gate_row *row)
{
    int rc = token_row_read(exchange, id, gate_take_row, row);

    if (rc == 0 && row->rc != 0) {
        problem_set(&exchange->problem, 503, "Out of memory.");
        return row->rc;
    }
    if (rc != 0) {
        exchange_fail(exchange, rc);
        exchange->problem.status = 503;
        problem_point(&exchange->problem, "database", "unusable", "%s", store_reader_error(exchange->reader));
    }
    return rc;
}

/* `text` NULL: the token of a session. */
static bool gate_look_up(struct gate *gate, struct exchange *exchange, const struct request_head *head, const char *id,
                         struct gate_row *row)
{
    row->principal = &exchange->principal;
    if (gate_read(exchange, id, row) != 0) {
        return false;
    }
    if (row->is_there && row->refusal == NULL) {
        return true;
    }
    return gate_fail(gate, exchange, head, row->is_there ? id : "",
                     row->refusal == NULL ? "The token is not known." : row->refusal);
}

static bool gate_by_token(struct gate *gate, struct exchange *exchange, const struct request_head *head)
{
    static const char bearer[] = "Bearer ";
    const char *text = head->authorization + sizeof(bearer) - 1;
    char id[TOKEN_ID_SIZE];
    struct gate_row row = {.text = text};

    if (strncasecmp(head->authorization, bearer, sizeof(bearer) - 1) != 0) {
        return gate_fail(gate, exchange, head, "", "The Authorization header is not \"Bearer TOKEN\".");
    }
    if (token_parse(text, id) != 0) {
        return gate_fail(gate, exchange, head, "", "The token has not the form of one: lstp_ID_SECRET.");
    }
    if (!gate_look_up(gate, exchange, head, id, &row)) {
        return false;
    }
    if (row.is_link) {
        return gate_challenge(exchange, "A link's token logs a browser in; it is no token for requests.");
    }
    return true;
}

static const char *gate_cookie(const struct gate *gate, const struct request_head *head)
{
    return head->is_secure ? gate->secure_cookie : gate->cookie;
}

/* The value of our cookie (RFC 6265 section 4.2.1), when it has a session's form. */
static bool gate_read_cookie(const struct gate *gate, const struct request_head *head, char id[SESSION_ID_SIZE])
{
    const char *name = gate_cookie(gate, head);
    size_t length = strlen(name);
    const char *at = head->cookie;

    for (int i = 0; at != NULL && i < GATE_COOKIES_MAX; i++) {
        at += strspn(at, " \t");
        if (strncmp(at, name, length) == 0 && at[length] == '=' &&
            strspn(at + length + 1, "0123456789abcdef") == SESSION_ID_SIZE - 1) {
            memcpy(id, at + length + 1, SESSION_ID_SIZE - 1);
            id[SESSION_ID_SIZE - 1] = '\0';
            return true;
        }
        at = strchr(at, ';');
        at = at == NULL ? NULL : at + 1;
    }
    return false;
}

static bool gate_by_session(struct gate *gate, struct exchange *exchange, const struct request_head *head)
{
    char id[SESSION_ID_SIZE];
    struct session session;
    struct gate_row row = {0};
    int64_t ends_at;

    if (!gate_read_cookie(gate, head, id) ||
        session_keep_find(gate->sessions, gate->journal, exchange, id, &session) != 0) {
        return exchange->problem.status == 0 &&
               gate_challenge(exchange, "Nobody is signed in: send a token, or sign in at /login.");
    }
    if (!gate_look_up(gate, exchange, head, session.token, &row)) {
        if (exchange->problem.status != 503) {
            session_keep_end(gate->sessions, gate->journal, id);
        }
        return false;
    }
    ends_at = wall_now_ms() + session.left_ms;
    if (exchange->principal.expires_at == 0 || exchange->principal.expires_at > ends_at) {
        exchange->principal.expires_at = ends_at;
    }
    memcpy(exchange->principal.csrf, session.csrf, sizeof(session.csrf));
    memcpy(exchange->principal.session, id, sizeof(id));
    return true;
}

/* ---- whom a proxy names ---- */

struct gate_user {
    struct principal *principal;
    bool is_found;
    int rc;
};

/* No two tokens that are not revoked have one name. */
static int gate_take_user(void *context, const struct store_read_token *token)
{
    struct gate_user *user = context;

    if (token->expires_at == 0 || token->expires_at > wall_now_ms()) {
        user->is_found = true;
        user->rc = principal_take(user->principal, token);
    }
    return user->rc;
}

/* Whether a token that is good has this name. False with the problem set when that cannot be read. */
static bool gate_find_user(struct exchange *exchange, const char *name)
{
    static const char *const kind = "token";
    struct store_token_filter filter = {.kinds = {&kind, 1}, .names = {&name, 1}, .page = {.limit = 1}};
    struct gate_user user = {.principal = &exchange->principal};
    int rc = store_read_tokens(exchange->reader, &filter, gate_take_user, &user);

    if (user.rc != 0) {
        problem_set(&exchange->problem, 503, "Out of memory.");
    } else if (rc != 0) {
        exchange_fail(exchange, rc);
        exchange->problem.status = 503;
        problem_point(&exchange->problem, "database", "unusable", "%s", store_reader_error(exchange->reader));
    }
    return exchange->problem.status == 0 && user.is_found;
}

/* A browser sends what makes the proxy name its user with every request, whoever makes it do so, as with a cookie. */
static void gate_make_csrf(const struct gate *gate, struct principal *principal)
{
    unsigned char bytes[(PRINCIPAL_CSRF_SIZE - 1) / 2];
    crypto_generichash_state state;

    crypto_generichash_init(&state, gate->seal, sizeof(gate->seal), sizeof(bytes));
    crypto_generichash_update(&state, (const unsigned char *)"csrf", sizeof("csrf"));
    crypto_generichash_update(&state, (const unsigned char *)principal->token, sizeof(principal->token));
    crypto_generichash_update(&state, (const unsigned char *)principal->name, strlen(principal->name));
    crypto_generichash_final(&state, bytes, sizeof(bytes));
    sodium_bin2hex(principal->csrf, sizeof(principal->csrf), bytes, sizeof(bytes));
}

static bool gate_is_plain(const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        if (iscntrl((unsigned char)*at)) {
            return false;
        }
    }
    return utf8_is_valid(name, strlen(name));
}

/* Unless it is a problem already. */
static bool gate_refuse_user(struct gate *gate, struct exchange *exchange, const struct request_head *head)
{
    if (exchange->problem.status == 0) {
        problem_set(&exchange->problem, 403,
                    "The proxy says that you are \"%s\", and there is no token of that name: an administrator makes "
                    "one by `leastport token create --name`.",
                    head->user);
        gate_log(gate, head->user, head, (struct gate_event){"sign-in failed", true, "the proxy's user has no token"});
    }
    return false;
}

/* The user may what the token of that name may, or else that of everybody whom the proxy lets in. */
static bool gate_by_user(struct gate *gate, struct exchange *exchange, const struct request_head *head)
{
    const char *name = head->user;
    const char *guest = gate->options.user_default;

    if (name[0] == '\0' || strlen(name) >= PRINCIPAL_NAME_SIZE || !gate_is_plain(name)) {
        return gate_challenge(exchange, "The proxy names a user of no characters, of too many, or of strange ones.");
    }
    if (!gate_find_user(exchange, name)) {
        if (exchange->problem.status != 0 || guest == NULL || !gate_find_user(exchange, guest)) {
            return gate_refuse_user(gate, exchange, head);
        }
        snprintf(exchange->principal.name, sizeof(exchange->principal.name), "%s", name);
    }
    gate_make_csrf(gate, &exchange->principal);
    return true;
}

/* What a browser shows to the proxy may be passed on to us; ours look otherwise. */
static bool gate_is_ours(const char *authorization)
{
    static const char ours[] = "Bearer " TOKEN_PREFIX;

    return strncasecmp(authorization, ours, sizeof(ours) - 1) == 0;
}

static bool gate_knows(struct gate *gate, struct exchange *exchange, const struct request_head *head)
{
    if (head->authorization != NULL && (head->user == NULL || gate_is_ours(head->authorization))) {
        return gate_by_token(gate, exchange, head);
    }
    return head->user != NULL ? gate_by_user(gate, exchange, head) : gate_by_session(gate, exchange, head);
}

/* ---- what it may ---- */

bool gate_is_same_origin(const struct request_head *head)
{
    const char *origin = head->origin;

    if (head->fetch_site != NULL) {
        return strcmp(head->fetch_site, "same-origin") == 0;
    }
    if (origin == NULL) {
        return true;
    }
    origin = strstr(origin, "://");
    return origin != NULL && head->framing->host != NULL && strcasecmp(origin + 3, head->framing->host) == 0;
}

/* Cookies come with every request that a browser makes, whoever makes it do so. */
static bool gate_is_meant(struct exchange *exchange, const struct request_head *head)
{
    const char *csrf = exchange->principal.csrf;
    bool is_safe = strcmp(head->method, "GET") == 0 || strcmp(head->method, "HEAD") == 0;

    if (is_safe || csrf[0] == '\0') {
        return true;
    }
    if (gate_is_same_origin(head) && head->csrf != NULL && strlen(head->csrf) == strlen(csrf) &&
        sodium_memcmp(head->csrf, csrf, strlen(csrf)) == 0) {
        return true;
    }
    problem_set(&exchange->problem, 403, "The request does not come from a page of this server.");
    problem_point(&exchange->problem, "header", "X-CSRF-Token", "must be what /api/v1/session says");
    return false;
}

static bool gate_allows(struct exchange *exchange, const struct gate_rule *rule)
{
    const struct principal *principal = &exchange->principal;

    if (rule->kind == GATE_KNOWN) {
        return true;
    }
    if (rule->kind != GATE_ROLE) {
        problem_set(&exchange->problem, 403, "Nobody may do this.");
    } else if (principal->role < rule->role) {
        problem_set(&exchange->problem, 403, "This needs the role %s; \"%s\" is %s %s.", role_name(rule->role),
                    principal->name, principal->role == ROLE_VIEWER ? "a" : "an", role_name(principal->role));
    } else if ((principal->scopes & (unsigned)rule->scope) == 0) {
        problem_set(&exchange->problem, 403, "This needs the scope %s, which \"%s\" has not.",
                    scope_name((unsigned)rule->scope), principal->name);
    } else if (rule->unlimited && principal_is_limited(principal)) {
        problem_set(&exchange->problem, 403, "\"%s\" is limited to some hosts, and this tells of all.",
                    principal->name);
    } else {
        return true;
    }
    return false;
}

bool gate_admit(struct gate *gate, struct exchange *exchange, const struct request_head *head,
                const struct gate_rule *rule)
{
    bool is_known = gate_knows(gate, exchange, head);
    const char *token = exchange->principal.token;
    uint32_t wait_s;

    if (!is_known) {
        return false;
    }
    wait_s = quota_take(gate->requests, token, strlen(token), mono_now(), NULL);
    if (wait_s != 0) {
        return gate_refuse_quota(exchange, wait_s, METRICS_TOKEN_REQUESTS, "Too many requests with this token");
    }
    journal_use(gate->journal, token);
    if (gate_allows(exchange, rule) && gate_is_meant(exchange, head)) {
        return true;
    }
    gate_note(gate, exchange, head, (struct gate_event){"request refused", true, exchange->problem.detail});
    return false;
}

/* ---- sessions ---- */

static bool gate_take_link(struct gate *gate, struct exchange *exchange, const struct request_head *head,
                           const char *id)
{
    json_t *request = json_pack("{s:s, s:s, s:s}", "op", CONTROL_OP_TOKEN, "do", CONTROL_TOKEN_TAKE, "token", id);
    json_t *answer = NULL;
    int rc = gate->options.control_path == NULL || request == NULL
                 ? -ECONNREFUSED
                 : control_request(gate->options.control_path, request, GATE_TAKE_MS, &answer);
    bool is_ok = rc == 0 && json_is_true(json_object_get(answer, "ok"));

    if (rc != 0) {
        problem_set(&exchange->problem, 503, "leastport-auditd does not answer, and no link can be used without it.");
    } else if (!is_ok) {
        gate_fail(gate, exchange, head, id, "The link was used already, or its time is over.");
    }
    json_decref(answer);
    json_decref(request);
    return is_ok;
}

static void gate_set_cookie(const struct gate *gate, struct exchange *exchange, const struct request_head *head,
                            const char *id, unsigned life_s)
{
    snprintf(exchange->cookie, sizeof(exchange->cookie), "%s=%s; Path=/; Max-Age=%u; HttpOnly;%s SameSite=Strict",
             gate_cookie(gate, head), id, life_s, head->is_secure ? " Secure;" : "");
}

bool gate_login(struct gate *gate, struct exchange *exchange, const struct request_head *head, const char *token)
{
    char id[TOKEN_ID_SIZE];
    char session_id[SESSION_ID_SIZE];
    struct session session;
    struct gate_row row = {.text = token};

    if (token_parse(token, id) != 0) {
        return gate_fail(gate, exchange, head, "", "The token has not the form of one: lstp_ID_SECRET.");
    }
    if (!gate_look_up(gate, exchange, head, id, &row) || (row.is_link && !gate_take_link(gate, exchange, head, id))) {
        return false;
    }
    if (gate_read_cookie(gate, head, session_id)) {
        session_keep_end(gate->sessions, gate->journal, session_id);
    }
    session_keep_begin(gate->sessions, gate->journal, id, session_id);
    if (session_find(gate->sessions, session_id, mono_now(), &session) == 0) {
        memcpy(exchange->principal.csrf, session.csrf, sizeof(session.csrf));
    }
    gate_set_cookie(gate, exchange, head, session_id, SESSION_LIFE_MS / 1000);
    journal_use(gate->journal, id);
    gate_note(gate, exchange, head, (struct gate_event){row.is_link ? "signed in by link" : "signed in", false, ""});
    return true;
}

void gate_logout(struct gate *gate, struct exchange *exchange, const struct request_head *head)
{
    char id[SESSION_ID_SIZE];

    if (gate_read_cookie(gate, head, id)) {
        session_keep_end(gate->sessions, gate->journal, id);
        gate_note(gate, exchange, head, (struct gate_event){"signed out", false, ""});
    }
    gate_set_cookie(gate, exchange, head, "", 0);
}

bool gate_session_lives(struct gate *gate, const char *session)
{
    return session_lives(gate->sessions, session, mono_now());
}

uint32_t gate_session_ends(const struct gate *gate)
{
    return session_ends(gate->sessions);
}
