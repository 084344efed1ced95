/* Keys from the container's and the instance's own services, and from STS for a role. */
#include "auditd/aws/session_private.h"

#include <errno.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACE_TIMEOUT_MS = 2000, PLACE_STS_MS = 20000, PLACE_TOKEN_SECONDS = 300, PLACE_BODY_SIZE = 32768 };

/* What came of a request. */
struct place {
    long status;
    char failure[96];
    char code[96]; /* of an AWS error */
    char *text;    /* guarded; NULL: none */
    size_t size;
};

static void place_done(struct place *place)
{
    sodium_free(place->text);
}

static void on_place(void *context, const struct wire_answer *answer)
{
    struct place *place = context;

    place->status = answer->status;
    snprintf(place->failure, sizeof(place->failure), "%.95s", answer->failure == NULL ? "" : answer->failure);
    if (answer->failure == NULL && answer->status != 200 &&
        !shape_find_text(answer->bytes, answer->size, "Code", place->code, sizeof(place->code))) {
        place->code[0] = '\0';
    }
    place->text = answer->failure == NULL ? sodium_malloc(answer->size + 1) : NULL;
    if (place->text != NULL) {
        memcpy(place->text, answer->bytes, answer->size);
        place->text[answer->size] = '\0';
        place->size = answer->size;
    }
}

bool session_take_text(json_t *object, const char *key, char *buffer, size_t size)
{
    json_t *value = json_object_get(object, key);
    size_t length = json_string_length(value);
    bool fits = json_is_string(value) && length < size && length > 0;

    if (fits) {
        memcpy(buffer, json_string_value(value), length + 1);
    }
    if (json_is_string(value)) {
        sodium_memzero((void *)(uintptr_t)json_string_value(value), length);
    }
    return fits;
}

/* Takes the keys of an answer that has them by these names. */
static int take_keys(struct session *session, json_t *object, const char *token)
{
    struct session_keys *keys = session->keys;
    bool taken = session_take_text(object, "AccessKeyId", keys->access, sizeof(keys->access));

    taken = session_take_text(object, "SecretAccessKey", keys->secret, sizeof(keys->secret)) && taken;
    taken = session_take_text(object, token, keys->token, sizeof(keys->token)) && taken;
    return taken ? 0 : -EACCES;
}

/* A GET or PUT of a service of this machine's; one header, or NULL. */
static int place_ask(struct session *session, const char *method, const char *url, const char *header,
                     struct place *ret_place)
{
    const struct wire_request request = {.method = method,
                                         .url = url,
                                         .headers = &header,
                                         .header_count = header == NULL ? 0 : 1,
                                         .timeout_ms = PLACE_TIMEOUT_MS,
                                         .is_local = true};

    *ret_place = (struct place){.status = 0};
    return wire_fetch(session->wire, &request, on_place, ret_place);
}

static int keys_at(struct session *session, const char *url, const char *header, const char *who,
                   struct session_fault *fault)
{
    struct place place;
    json_t *object = NULL;
    int rc = place_ask(session, "GET", url, header, &place);

    if (rc == 0 && place.status == 200 && place.text != NULL) {
        object = json_loadb(place.text, place.size, JSON_REJECT_DUPLICATES, NULL);
        rc = take_keys(session, object, "Token");
        json_decref(object);
    } else if (rc == 0) {
        rc = -EACCES;
    }
    place_done(&place);
    return rc == -EACCES
               ? session_deny(fault, "%s gave no keys: %s (status %ld)", who,
                              place.failure[0] != '\0' ? place.failure : "what it answers holds none", place.status)
               : rc;
}

/* ---- container ---- */

/* By the credentials' documentation: HTTPS, loopback, and the containers' own addresses. */
static bool is_own_host(const char *url)
{
    static const char *const hosts[] = {"http://127.",          "http://localhost",      "http://[::1]",
                                        "http://169.254.170.2", "http://169.254.170.23", "http://[fd00:ec2::23]"};

    if (strncmp(url, "https://", strlen("https://")) == 0) {
        return true;
    }
    for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
        size_t length = strlen(hosts[i]);
        /* "http://127." goes on with the rest of the address, all others with the port or path. */
        bool ends = i == 0 ? strspn(url + length, "0123456789.") == strcspn(url + length, ":/")
                           : strchr(":/", url[length]) != NULL;
        if (strncmp(url, hosts[i], length) == 0 && ends) {
            return true;
        }
    }
    return false;
}

int session_from_container(struct session *session, struct session_fault *fault)
{
    const char *relative = getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const char *file = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = session->kept[SESSION_SECRET_CONTAINER];
    const size_t header_size = SESSION_TOKEN_SIZE;
    char url[SESSION_URL_SIZE];
    char *loaded = NULL;
    char *header = NULL;
    int rc = 0;

    if (relative == NULL && full == NULL) {
        return -ENOENT;
    }
    snprintf(url, sizeof(url), "%s%.400s", relative != NULL ? "http://169.254.170.2" : "",
             relative != NULL ? relative : full);
    if (!is_own_host(url)) {
        return session_deny(
            fault, "AWS_CONTAINER_CREDENTIALS_FULL_URI must begin with https://, or name this machine or container");
    }
    if (file != NULL && session_load(file, &loaded) < 0) {
        return session_deny(fault, "cannot read AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, %.200s", file);
    }
    token = loaded != NULL ? loaded : token;
    if (token != NULL) {
        header = sodium_malloc(header_size);
        rc = header == NULL ? -ENOMEM : 0;
    }
    if (header != NULL) {
        snprintf(header, header_size, "Authorization: %.*s", (int)strcspn(token, "\r\n"), token);
    }
    rc = rc == 0 ? keys_at(session, url, header, "the container's service", fault) : rc;
    sodium_free(header);
    sodium_free(loaded);
    return rc;
}

/* ---- instance ---- */

static const char *metadata_host(void)
{
    const char *given = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");

    return given == NULL || given[0] == '\0' ? "http://169.254.169.254" : given;
}

/* IMDSv2 alone: without the token of a PUT, whoever can make this machine fetch a page would have its keys. */
int session_from_instance(struct session *session, struct session_fault *fault)
{
    const char *disabled = getenv("AWS_EC2_METADATA_DISABLED");
    const char *host = metadata_host();
    int slash = host[strlen(host) - 1] == '/' ? (int)strlen(host) - 1 : (int)strlen(host);
    struct place token;
    struct place role;
    char url[SESSION_URL_SIZE];
    char header[256];
    int rc;

    if (disabled != NULL && strcmp(disabled, "true") == 0) {
        return -ENOENT;
    }
    snprintf(url, sizeof(url), "%.*s/latest/api/token", slash > 200 ? 200 : slash, host);
    snprintf(header, sizeof(header), "X-aws-ec2-metadata-token-ttl-seconds: %d", PLACE_TOKEN_SECONDS);
    rc = place_ask(session, "PUT", url, header, &token);
    if (rc < 0 || token.status != 200 || token.text == NULL || token.size > 180) {
        place_done(&token);
        return rc < 0 ? rc : -ENOENT;
    }
    snprintf(header, sizeof(header), "X-aws-ec2-metadata-token: %.*s", (int)strcspn(token.text, "\r\n"), token.text);
    place_done(&token);
    snprintf(url, sizeof(url), "%.*s/latest/meta-data/iam/security-credentials/", slash > 200 ? 200 : slash, host);
    rc = place_ask(session, "GET", url, header, &role);
    if (rc == 0 && role.status == 200 && role.text != NULL && role.size > 0 && role.size < 128) {
        int length = (int)strspn(role.text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_-");
        size_t at = strlen(url);
        snprintf(url + at, sizeof(url) - at, "%.*s", length, role.text);
        rc = keys_at(session, url, header, "the instance's metadata service", fault);
    } else if (rc == 0) {
        rc = -ENOENT;
    }
    place_done(&role);
    sodium_memzero(header, sizeof(header));
    return rc;
}

/* ---- roles ---- */

static const struct shape keys_shape[] = {
    {SHAPE_TEXT, "AccessKeyId", "AccessKeyId", NULL, NULL},
    {SHAPE_TEXT, "SecretAccessKey", "SecretAccessKey", NULL, NULL},
    {SHAPE_TEXT, "SessionToken", "SessionToken", NULL, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static const struct shape assumed_shape[] = {
    {SHAPE_RECORD, "Credentials", "Credentials", keys_shape, NULL},
    {SHAPE_END, NULL, NULL, NULL, NULL},
};

static int take_assumed(struct session *session, const struct place *place, const char *action)
{
    struct shape_fault fault;
    json_t *object;
    char root[64];
    char result[64];
    int rc;

    snprintf(root, sizeof(root), "%sResponse", action);
    snprintf(result, sizeof(result), "%sResult", action);
    rc = shape_read(place->text, place->size, &(struct shape_frame){root, result, assumed_shape}, &object, &fault);
    if (rc == 0) {
        rc = take_keys(session, json_object_get(object, "Credentials"), "SessionToken");
        json_decref(object);
    }
    return rc == -ENOMEM ? rc : rc < 0 ? -EACCES : 0;
}

static bool role_form(const struct session_role *role, const char *web_token, char *body, size_t size)
{
    const char *name = role->name[0] == '\0' ? "leastport" : role->name;

    body[0] = '\0';
    return session_form(body, size, "Action", web_token != NULL ? "AssumeRoleWithWebIdentity" : "AssumeRole") &&
           session_form(body, size, "Version", call_service_of(CALL_STS)->version) &&
           session_form(body, size, "RoleArn", role->arn) && session_form(body, size, "RoleSessionName", name) &&
           (role->external_id[0] == '\0' || web_token != NULL ||
            session_form(body, size, "ExternalId", role->external_id)) &&
           (role->duration[0] == '\0' || session_form(body, size, "DurationSeconds", role->duration)) &&
           (web_token == NULL || session_form(body, size, "WebIdentityToken", web_token));
}

/* STS answers in every region; without one asked for, in the oldest. */
static int ask_sts(struct session *session, const char *body, bool is_plain, struct place *ret_place)
{
    const struct session_call call = {.service = CALL_STS,
                                      .region = session->region[0] == '\0' ? "us-east-1" : session->region,
                                      .body = body,
                                      .timeout_ms = PLACE_STS_MS,
                                      .is_plain = is_plain};
    int rc;

    *ret_place = (struct place){.status = 0};
    rc = session_start(session, &call, on_place, ret_place);
    while (rc == 0 && wire_busy(session->wire) > 0) {
        rc = wire_turn(session->wire, 1000);
    }
    return rc;
}

static int sts_denied(const struct place *place, const char *what, struct session_fault *fault)
{
    return session_deny(fault, "%.200s: %s (status %ld)", what,
                        place->failure[0] != '\0' ? place->failure
                        : place->code[0] != '\0'  ? place->code
                                                  : "STS gave no keys",
                        place->status);
}

int session_assume(struct session *session, const struct session_role *role, struct session_fault *fault)
{
    struct place place = {.status = 0};
    char *web = NULL;
    char *body = sodium_malloc(PLACE_BODY_SIZE);
    int rc = body == NULL ? -ENOMEM : 0;

    if (rc == 0 && role->web_token != NULL && session_load(role->web_token, &web) < 0) {
        rc = session_deny(fault, "cannot read the web identity token, %.200s", role->web_token);
    }
    if (web != NULL) {
        web[strcspn(web, "\r\n")] = '\0';
    }
    if (rc == 0 && !role_form(role, web, body, PLACE_BODY_SIZE)) {
        rc = session_deny(fault, "%.200s: what is to be sent is too long", role->arn);
    }
    rc = rc == 0 ? ask_sts(session, body, web != NULL, &place) : rc;
    if (rc == 0 && (place.status != 200 || place.text == NULL ||
                    take_assumed(session, &place, web != NULL ? "AssumeRoleWithWebIdentity" : "AssumeRole") < 0)) {
        rc = sts_denied(&place, role->arn, fault);
    }
    place_done(&place);
    sodium_free(web);
    sodium_free(body);
    return rc;
}

int session_account(struct session *session, char ret_account[13], struct session_fault *ret_fault)
{
    char body[128] = "";
    struct place place = {.status = 0};
    char account[16] = "";
    int rc = session_form(body, sizeof(body), "Action", "GetCallerIdentity") &&
                     session_form(body, sizeof(body), "Version", call_service_of(CALL_STS)->version)
                 ? ask_sts(session, body, false, &place)
                 : -ENOMEM;

    if (rc == 0 && (place.status != 200 || place.text == NULL ||
                    !shape_find_text(place.text, place.size, "Account", account, sizeof(account)) ||
                    strspn(account, "0123456789") != 12 || account[12] != '\0')) {
        rc = sts_denied(&place, "sts:GetCallerIdentity", ret_fault);
    }
    if (rc == 0) {
        memcpy(ret_account, account, 13);
    }
    place_done(&place);
    return rc;
}
