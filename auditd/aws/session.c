#include "auditd/aws/session_private.h"

#include "auditd/aws/ini.h"
#include "auditd/aws/sigv4.h"
#include "lib/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SESSION_FILE_MAX = 1 << 20, SESSION_CHAIN_MAX = 8, SESSION_ATTEMPTS = 8, SESSION_ATTEMPTS_MAX = 20 };

int session_deny(struct session_fault *fault, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(fault->text, sizeof(fault->text), format, arguments);
    va_end(arguments);
    return -EACCES;
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value == NULL || value[0] == '\0' ? NULL : value;
}

/* ---- files ---- */

/* All of it, or what there is when the file is cut off meanwhile. */
static int read_all(int fd, char *text, size_t size)
{
    size_t length = 0;

    while (length < size) {
        ssize_t got = read(fd, text + length, size - length);
        if (got < 0) {
            return -errno;
        }
        if (got == 0) {
            break;
        }
        length += (size_t)got;
    }
    text[length] = '\0';
    return 0;
}

int session_load(const char *path, char **ret_text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status;
    char *text;
    int rc;

    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > SESSION_FILE_MAX) {
        close(fd);
        return -EINVAL;
    }
    text = sodium_malloc((size_t)status.st_size + 1);
    rc = text == NULL ? -ENOMEM : read_all(fd, text, (size_t)status.st_size);
    close(fd);
    if (rc < 0) {
        sodium_free(text);
        return rc;
    }
    *ret_text = text;
    return 0;
}

/* A file that is named must be there; the usual one need not. */
static int load_file(const char *variable, const char *usual, char **ret_text, struct session_fault *fault)
{
    const char *path = environment(variable);
    const char *home = environment("HOME");
    char buffer[4096];
    int rc;

    if (path == NULL && home == NULL) {
        return 0;
    }
    if (path == NULL) {
        snprintf(buffer, sizeof(buffer), "%.4000s/.aws/%s", home, usual);
    } else if (path[0] == '~' && path[1] == '/' && home != NULL) {
        snprintf(buffer, sizeof(buffer), "%.2000s/%.2000s", home, path + 2);
    } else {
        snprintf(buffer, sizeof(buffer), "%.4000s", path);
    }
    rc = session_load(buffer, ret_text);
    if (rc == 0 || rc == -ENOMEM || ((rc == -ENOENT || rc == -ENOTDIR) && path == NULL)) {
        return rc == -ENOMEM ? rc : 0;
    }
    snprintf(fault->text, sizeof(fault->text), "cannot read %.200s: %s", buffer,
             rc == -EINVAL ? "it is no plain file of at most 1 MiB" : strerror(-rc));
    return -EIO;
}

static void section_of(const char *profile, char section[SESSION_VALUE_SIZE])
{
    bool is_default = strcmp(profile, "default") == 0;

    snprintf(section, SESSION_VALUE_SIZE, "%s%.500s", is_default ? "" : "profile ", profile);
}

bool session_setting(const struct session *session, const char *profile, const char *key, char *buffer, size_t size)
{
    char section[SESSION_VALUE_SIZE];

    section_of(profile, section);
    return ini_get(&(struct ini_place){session->credentials, profile, NULL}, key, buffer, size) ||
           ini_get(&(struct ini_place){session->config, section, NULL}, key, buffer, size);
}

/* Any of the settings that this program looks at. */
bool session_has_profile(const struct session *session, const char *profile)
{
    static const char *const keys[] = {
        "aws_access_key_id",  "role_arn",     "region", "web_identity_token_file",
        "credential_process", "sso_session",  "output", "sso_start_url",
        "services",           "endpoint_url",
    };
    char buffer[SESSION_VALUE_SIZE];

    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        if (session_setting(session, profile, keys[i], buffer, sizeof(buffer))) {
            return true;
        }
    }
    return false;
}

/* ---- the session ---- */

static void find_region(struct session *session)
{
    const char *given = session->options.region;

    given = given == NULL ? environment("AWS_REGION") : given;
    given = given == NULL ? environment("AWS_DEFAULT_REGION") : given;
    if (given != NULL) {
        snprintf(session->region, sizeof(session->region), "%.63s", given);
    } else {
        (void)session_setting(session, session->profile, "region", session->region, sizeof(session->region));
    }
}

int session_create(const struct session_options *options, struct wire *wire, struct session **ret_session,
                   struct session_fault *ret_fault)
{
    struct session *session;
    const char *profile = options->profile != NULL ? options->profile : environment("AWS_PROFILE");
    int rc;

    profile = profile != NULL ? profile : environment("AWS_DEFAULT_PROFILE");
    session = sodium_init() < 0 ? NULL : calloc(1, sizeof(*session));
    if (session == NULL) {
        return -ENOMEM;
    }
    session->options = *options;
    session->wire = wire;
    snprintf(session->profile, sizeof(session->profile), "%.255s", profile == NULL ? "default" : profile);
    session->keys = sodium_malloc(sizeof(*session->keys));
    rc = session->keys == NULL ? -ENOMEM : session_keep(session);
    rc = rc == 0 ? load_file("AWS_CONFIG_FILE", "config", &session->config, ret_fault) : rc;
    rc = rc == 0 ? load_file("AWS_SHARED_CREDENTIALS_FILE", "credentials", &session->credentials, ret_fault) : rc;
    if (rc < 0) {
        session_destroy(session);
        return rc;
    }
    sodium_memzero(session->keys, sizeof(*session->keys));
    find_region(session);
    *ret_session = session;
    return 0;
}

void session_destroy(struct session *session)
{
    if (session == NULL) {
        return;
    }
    sodium_free(session->keys);
    sodium_free(session->config);
    sodium_free(session->credentials);
    session_forget(session);
    free(session);
}

const struct session_keys *session_keys_of(const struct session *session)
{
    return session->keys;
}

const char *session_region(const struct session *session)
{
    return session->region[0] == '\0' ? NULL : session->region;
}

unsigned session_attempts(const struct session *session)
{
    char buffer[32];
    const char *text = environment("AWS_MAX_ATTEMPTS");
    unsigned long attempts;

    if (text == NULL && session_setting(session, session->profile, "max_attempts", buffer, sizeof(buffer))) {
        text = buffer;
    }
    attempts = text == NULL ? 0 : strtoul(text, NULL, 10);
    return attempts == 0                     ? SESSION_ATTEMPTS
           : attempts > SESSION_ATTEMPTS_MAX ? SESSION_ATTEMPTS_MAX
                                             : (unsigned)attempts;
}

const char *session_ca_bundle(void)
{
    return environment("AWS_CA_BUNDLE");
}

/* ---- keys ---- */

static int from_environment(struct session *session, struct session_fault *fault)
{
    const char *access = environment("AWS_ACCESS_KEY_ID");
    const char *secret = session->kept[SESSION_SECRET_KEY];
    const char *token = session->kept[SESSION_SECRET_TOKEN];

    if (access == NULL) {
        return -ENOENT;
    }
    if (secret == NULL) {
        return session_deny(fault, "AWS_ACCESS_KEY_ID is set, AWS_SECRET_ACCESS_KEY is not");
    }
    if (strlen(access) >= SESSION_KEY_SIZE || strlen(secret) >= SESSION_KEY_SIZE ||
        (token != NULL && strlen(token) >= SESSION_TOKEN_SIZE)) {
        return session_deny(fault, "the keys in the environment are longer than keys are");
    }
    snprintf(session->keys->access, SESSION_KEY_SIZE, "%s", access);
    snprintf(session->keys->secret, SESSION_KEY_SIZE, "%s", secret);
    snprintf(session->keys->token, SESSION_TOKEN_SIZE, "%s", token == NULL ? "" : token);
    return 0;
}

static int from_files(struct session *session, const char *profile, struct session_fault *fault)
{
    struct session_keys *keys = session->keys;

    if (!session_setting(session, profile, "aws_access_key_id", keys->access, sizeof(keys->access))) {
        return -ENOENT;
    }
    if (!session_setting(session, profile, "aws_secret_access_key", keys->secret, sizeof(keys->secret))) {
        return session_deny(fault, "the profile %.80s has aws_access_key_id, but no aws_secret_access_key", profile);
    }
    if (!session_setting(session, profile, "aws_session_token", keys->token, sizeof(keys->token))) {
        keys->token[0] = '\0';
    }
    return 0;
}

static int from_web_environment(struct session *session, struct session_fault *fault)
{
    const char *file = environment("AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *name = environment("AWS_ROLE_SESSION_NAME");
    struct session_role role = {.arn = environment("AWS_ROLE_ARN"),
                                .external_id = "",
                                .name = name == NULL ? "" : name,
                                .duration = "",
                                .web_token = file};

    if (file == NULL) {
        return -ENOENT;
    }
    if (role.arn == NULL) {
        return session_deny(fault, "AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not");
    }
    return session_assume(session, &role, fault);
}

/* What a profile's role is taken on with when it names no other profile. */
static int from_source(struct session *session, const char *source, struct session_fault *fault)
{
    int rc =
        strcmp(source, "Environment") == 0    ? from_environment(session, fault)
        : strcmp(source, "EcsContainer") == 0 ? session_from_container(session, fault)
        : strcmp(source, "Ec2InstanceMetadata") == 0
            ? session_from_instance(session, fault)
            : session_deny(fault, "credential_source %.60s: there is Environment, EcsContainer and Ec2InstanceMetadata",
                           source);

    return rc == -ENOENT ? session_deny(fault, "credential_source %.60s gives no keys", source) : rc;
}

static int from_profile(struct session *session, const char *profile, int depth, struct session_fault *fault);

static int from_profile_role(struct session *session, const char *profile, int depth, struct session_fault *fault)
{
    char arn[SESSION_VALUE_SIZE] = "";
    char external[SESSION_VALUE_SIZE] = "";
    char name[128] = "";
    char duration[16] = "";
    char source[256] = "";
    char file[SESSION_VALUE_SIZE] = "";
    struct session_role role = {.arn = arn, .external_id = external, .name = name, .duration = duration};
    int rc;

    if (!session_setting(session, profile, "role_arn", arn, sizeof(arn))) {
        return -ENOENT;
    }
    (void)session_setting(session, profile, "external_id", external, sizeof(external));
    (void)session_setting(session, profile, "role_session_name", name, sizeof(name));
    (void)session_setting(session, profile, "duration_seconds", duration, sizeof(duration));
    if (session_setting(session, profile, "web_identity_token_file", file, sizeof(file))) {
        role.web_token = file;
        rc = 0;
    } else if (session_setting(session, profile, "source_profile", source, sizeof(source))) {
        /* A profile may be its own source: its keys, then its role. */
        rc = strcmp(source, profile) == 0 ? from_files(session, source, fault)
                                          : from_profile(session, source, depth + 1, fault);
        rc = rc == -ENOENT ? session_deny(fault, "source_profile %.80s of %.80s has no keys", source, profile) : rc;
    } else if (session_setting(session, profile, "credential_source", source, sizeof(source))) {
        rc = from_source(session, source, fault);
    } else {
        rc = session_deny(
            fault,
            "the profile %.80s has role_arn, but neither source_profile, credential_source nor web_identity_token_file",
            profile);
    }
    return rc == 0 ? session_assume(session, &role, fault) : rc;
}

static int from_profile(struct session *session, const char *profile, int depth, struct session_fault *fault)
{
    char buffer[SESSION_VALUE_SIZE];
    int rc;

    if (depth > SESSION_CHAIN_MAX) {
        return session_deny(fault, "the profile %.80s: more than %d source_profile in a row, or a circle", profile,
                            SESSION_CHAIN_MAX);
    }
    rc = from_profile_role(session, profile, depth, fault);
    rc = rc == -ENOENT ? from_files(session, profile, fault) : rc;
    if (rc == -ENOENT && (session_setting(session, profile, "credential_process", buffer, sizeof(buffer)) ||
                          session_setting(session, profile, "sso_session", buffer, sizeof(buffer)) ||
                          session_setting(session, profile, "sso_start_url", buffer, sizeof(buffer)))) {
        return session_deny(
            fault,
            "the profile %.80s has its keys from a program or a login, which is not done here: `aws configure "
            "export-credentials --profile %.80s --format env` prints them for the environment",
            profile, profile);
    }
    return rc;
}

/* The order of the AWS CLI: a profile that was asked for comes before the environment's keys. */
static int find_keys(struct session *session, struct session_fault *fault)
{
    bool asked = session->options.profile != NULL;
    int rc = asked ? -ENOENT : from_environment(session, fault);

    if (rc == -ENOENT && (asked || environment("AWS_PROFILE") != NULL) &&
        !session_has_profile(session, session->profile)) {
        return session_deny(fault, "there is no profile %.120s in the AWS configuration and credentials files",
                            session->profile);
    }
    rc = rc == -ENOENT ? from_profile_role(session, session->profile, 0, fault) : rc;
    rc = rc == -ENOENT && !asked ? from_web_environment(session, fault) : rc;
    rc = rc == -ENOENT ? from_profile(session, session->profile, 0, fault) : rc;
    rc = rc == -ENOENT ? session_from_container(session, fault) : rc;
    rc = rc == -ENOENT ? session_from_instance(session, fault) : rc;
    return rc == -ENOENT ? session_deny(fault, "no AWS keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a "
                                               "profile, or run where a role is attached")
                         : rc;
}

int session_log_in(struct session *session, struct session_fault *ret_fault)
{
    int rc;

    *ret_fault = (struct session_fault){""};
    sodium_memzero(session->keys, sizeof(*session->keys));
    rc = find_keys(session, ret_fault);
    for (size_t i = 0; rc == 0 && i < session->options.role_count; i++) {
        const struct session_taken *taken = &session->options.roles[i];
        const struct session_role role = {.arn = taken->role,
                                          .external_id = taken->external_id == NULL ? "" : taken->external_id,
                                          .name = "",
                                          .duration = ""};
        rc = session_assume(session, &role, ret_fault);
    }
    return rc;
}

/* ---- requests ---- */

/* The domain of a region's partition (AWS general reference). */
static const char *domain_of(const char *region)
{
    static const struct {
        const char *begin, *domain;
    } partitions[] = {
        {"cn-", "amazonaws.com.cn"},    {"us-iso-", "c2s.ic.gov"},      {"us-isob-", "sc2s.sgov.gov"},
        {"eu-isoe-", "cloud.adc-e.uk"}, {"us-isof-", "csp.hci.ic.gov"}, {"eusc-", "amazonaws.eu"},
    };

    for (size_t i = 0; i < sizeof(partitions) / sizeof(*partitions); i++) {
        if (strncmp(region, partitions[i].begin, strlen(partitions[i].begin)) == 0) {
            return partitions[i].domain;
        }
    }
    return "amazonaws.com";
}

/* An address that stands in for AWS's, of this service or of all; by the environment, then by the profile. */
static bool find_override(const struct session *session, const struct call_service_info *service,
                          char url[SESSION_URL_SIZE])
{
    const char *ignore = environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    const char *given;
    char name[64];
    char services[256];
    char section[SESSION_VALUE_SIZE];

    if (ignore != NULL && strcasecmp(ignore, "true") == 0) {
        return false;
    }
    snprintf(name, sizeof(name), "AWS_ENDPOINT_URL_%s", service->override);
    given = environment(name);
    given = given == NULL ? environment("AWS_ENDPOINT_URL") : given;
    if (given != NULL) {
        return (size_t)snprintf(url, SESSION_URL_SIZE, "%s", given) < SESSION_URL_SIZE;
    }
    if (session_setting(session, session->profile, "services", services, sizeof(services))) {
        snprintf(section, sizeof(section), "services %s", services);
        if (ini_get(&(struct ini_place){session->config, section, service->section}, "endpoint_url", url,
                    SESSION_URL_SIZE)) {
            return true;
        }
    }
    return session_setting(session, session->profile, "endpoint_url", url, SESSION_URL_SIZE);
}

/* The host with its port, and the path, of "https://host:port/path". */
static bool url_split(const char *url, char *host, size_t size, const char **ret_path)
{
    const char *begin = strstr(url, "://");
    size_t length;

    if (begin == NULL ||
        (strncmp(url, "http://", strlen("http://")) != 0 && strncmp(url, "https://", strlen("https://")) != 0)) {
        return false;
    }
    begin += strlen("://");
    length = strcspn(begin, "/?#");
    if (length == 0 || length >= size || memchr(begin, '@', length) != NULL) {
        return false;
    }
    memcpy(host, begin, length);
    host[length] = '\0';
    *ret_path = begin[length] == '\0' ? "/" : begin + length;
    return true;
}

struct signing {
    char url[SESSION_URL_SIZE], host[SESSION_URL_SIZE], date[SIGV4_DATE_SIZE], authorization[SIGV4_AUTHORIZATION_SIZE];
    const char *path;
};

static int sign(const struct session *session, const struct session_call *call, struct signing *signing)
{
    const struct call_service_info *service = call_service_of(call->service);
    struct sigv4_header headers[] = {
        {"content-type",
         call->target == NULL ? "application/x-www-form-urlencoded; charset=utf-8" : "application/x-amz-json-1.1"},
        {"host", signing->host},
        {"x-amz-date", signing->date},
        {"x-amz-security-token", session->keys->token},
        {"x-amz-target", call->target},
    };
    struct sigv4_request request = {.method = "POST",
                                    .path = signing->path,
                                    .headers = headers,
                                    .header_count = 3,
                                    .body = call->body,
                                    .body_size = strlen(call->body),
                                    .region = call->region,
                                    .service = service->signature};

    request.header_count += session->keys->token[0] != '\0';
    if (call->target != NULL) {
        headers[request.header_count++] = headers[4];
    }
    sigv4_date(wall_now_ms() / 1000, signing->date);
    return sigv4_sign(&request, signing->date, session->keys->access, session->keys->secret, signing->authorization);
}

int session_start(struct session *session, const struct session_call *call, wire_done *done, void *context)
{
    const struct call_service_info *service = call_service_of(call->service);
    struct signing signing;
    char lines[4][SIGV4_AUTHORIZATION_SIZE + 64];
    size_t token_size = SESSION_TOKEN_SIZE + sizeof("X-Amz-Security-Token: ");
    char *token = NULL;
    const char *headers[5] = {lines[0], lines[1], lines[2]};
    struct wire_request request = {.method = "POST",
                                   .url = signing.url,
                                   .headers = headers,
                                   .header_count = call->is_plain ? 1 : 3,
                                   .body = call->body,
                                   .body_size = strlen(call->body),
                                   .timeout_ms = call->timeout_ms};
    int rc;

    if (!find_override(session, service, signing.url)) {
        snprintf(signing.url, sizeof(signing.url), "https://%s.%.64s.%s/", service->signature, call->region,
                 domain_of(call->region));
    }
    rc = url_split(signing.url, signing.host, sizeof(signing.host), &signing.path)
             ? (call->is_plain ? 0 : sign(session, call, &signing))
             : -EINVAL;
    if (rc < 0) {
        return rc;
    }
    snprintf(lines[0], sizeof(lines[0]), "Content-Type: %s",
             call->target == NULL ? "application/x-www-form-urlencoded; charset=utf-8" : "application/x-amz-json-1.1");
    snprintf(lines[1], sizeof(lines[1]), "X-Amz-Date: %s", signing.date);
    snprintf(lines[2], sizeof(lines[2]), "Authorization: %s", signing.authorization);
    if (call->target != NULL) {
        snprintf(lines[3], sizeof(lines[3]), "X-Amz-Target: %s", call->target);
        headers[request.header_count++] = lines[3];
    }
    if (session->keys->token[0] != '\0' && !call->is_plain) {
        token = sodium_malloc(token_size);
        if (token == NULL) {
            return -ENOMEM;
        }
        snprintf(token, token_size, "X-Amz-Security-Token: %s", session->keys->token);
        headers[request.header_count++] = token;
    }
    rc = wire_start(session->wire, &request, done, context);
    sodium_free(token);
    return rc;
}

bool session_form(char *buffer, size_t size, const char *name, const char *value)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t length = strlen(buffer);
    int written = snprintf(buffer + length, size - length, "%s%s=", length > 0 ? "&" : "", name);

    if (written < 0 || (size_t)written >= size - length) {
        return false;
    }
    length += (size_t)written;
    for (; *value != '\0'; value++) {
        unsigned char byte = (unsigned char)*value;
        bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
                     strchr("-_.~", byte) != NULL;
        if (length + 4 > size) {
            return false;
        }
        if (plain) {
            buffer[length++] = *value;
        } else {
            buffer[length++] = '%';
            buffer[length++] = digits[byte >> 4];
            buffer[length++] = digits[byte & 15];
        }
        buffer[length] = '\0';
    }
    return true;
}
