/* What a client writes to the control socket, over a real socket, up to the plan that it asks for. */
#include "auditd/control.h"
#include "auditd/hosts.h"
#include "auditd/protocol.h"
#include "auditd/request.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct {
    uv_loop_t loop;
    struct control *control;
    struct config config;
    struct sockaddr_un address;
    unsigned gone;
} site;

/* The plan is one that the daemon can keep and compare. */
static void check_plan(json_t *plan)
{
    struct scan_plan *hosts;
    char reason[256] = "";
    char *key = request_plan_key(plan);
    int rc = scan_plan_create(plan, &hosts, reason);

    assert(key != NULL);
    free(key);
    if (rc == 0) {
        scan_plan_destroy(hosts);
    } else {
        assert(reason[0] != '\0');
    }
}

static void check_targets(const json_t *request)
{
    const json_t *targets = json_object_get(request, "targets");
    size_t index;
    json_t *target;

    json_array_foreach(targets, index, target)
    {
        char *bare = hosts_bare(json_string_value(target));
        assert(bare != NULL);
        (void)hosts_is_literal(bare);
        free(bare);
    }
}

static void on_request(void *context, struct control_client *client, const json_t *request)
{
    char reason[REQUEST_REASON_SIZE] = "";
    json_t *plan;
    int rc = request_check(request, reason);

    (void)context;
    if (rc < 0) {
        assert(reason[0] != '\0');
        control_refuse(client, "%s", reason);
        return;
    }
    check_targets(request);
    control_client_follow(client, request_flag(request, "follow", false));
    rc = request_plan(request, &site.config, &plan, reason);
    if (rc < 0) {
        assert(reason[0] != '\0');
        control_refuse(client, "no plan of \"%.64s\": %s", json_string_value(json_object_get(request, "op")), reason);
        return;
    }
    check_plan(plan);
    control_send(client, json_pack("{s:b, s:o}", "ok", 1, "plan", plan));
}

static void on_gone(void *context, struct control_client *client)
{
    (void)context;
    (void)client;
    site.gone++;
}

static void leave(void)
{
    control_close(site.control);
    uv_run(&site.loop, UV_RUN_DEFAULT);
    uv_loop_close(&site.loop);
    config_done(&site.config);
}

static void arrive(void)
{
    struct control_options options = control_options_default();

    site.address.sun_family = AF_UNIX;
    assert(snprintf(site.address.sun_path, sizeof(site.address.sun_path), "%s/control.sock", fuzz_folder()) > 0);
    options.path = site.address.sun_path;
    options.on_request = on_request;
    options.on_gone = on_gone;
    assert(config_init_default(&site.config) == 0 && uv_loop_init(&site.loop) == 0);
    assert(control_create(&site.loop, &options, &site.control) == 0);
    assert(atexit(leave) == 0);
}

/* Takes what the daemon answers; every line of it is a JSON object with "ok". */
static void hear(int fd)
{
    static char answer[1 << 20];
    size_t length = 0;
    ssize_t count;

    while ((count = recv(fd, answer + length, sizeof(answer) - length, MSG_DONTWAIT)) > 0) {
        length += (size_t)count;
    }
    for (char *line = answer; length > 0;) {
        char *end = memchr(line, '\n', length);
        json_t *json = end == NULL ? NULL : json_loadb(line, (size_t)(end - line), JSON_ALLOW_NUL, NULL);
        assert(json_is_boolean(json_object_get(json, "ok")));
        json_decref(json);
        length -= (size_t)(end - line) + 1;
        line = end + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned gone;
    int fd;

    if (site.control == NULL) {
        arrive();
    }
    gone = site.gone;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(fd >= 0 && connect(fd, (const struct sockaddr *)&site.address, sizeof(site.address)) == 0);
    /* What does not fit into the socket is cut: this thread is both ends. */
    (void)send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)shutdown(fd, SHUT_WR);
    while (site.gone == gone) {
        uv_run(&site.loop, UV_RUN_NOWAIT);
        hear(fd);
    }
    close(fd);
    return 0;
}
