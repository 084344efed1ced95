#include "auditd/alert/courier.h"

#include "auditd/alert/driver.h"
#include "auditd/report/typeset.h"
#include "lib/clock.h"
#include "lib/log.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COURIER_TICK_MS = 500, COURIER_ATTEMPTS_LEAST = 5 };

struct flight {
    struct courier *courier;
    const struct config_receiver *receiver;
    const struct driver *driver;
    struct store_alert alert;
    struct letter letter;
    bool is_under_way;
};

struct courier {
    struct courier_options options;
    uv_loop_t *loop;
    uv_timer_t tick;
    uv_timer_t timeout; /* libcurl's */
    CURLM *multi;
    bool stopping;
    bool store_failed; /* said once, until it works again */
    int64_t begun_ms;
    size_t count;
    struct flight flights[]; /* one for each receiver */
};

int64_t courier_wait_ms(const struct config_alerts *alerts, int64_t attempts, uint32_t random)
{
    int64_t wait_ms = alerts->retry_first_ms;

    for (int64_t i = 1; i < attempts && wait_ms < alerts->retry_longest_ms; i++) {
        wait_ms *= 2;
    }
    wait_ms = wait_ms < alerts->retry_longest_ms ? wait_ms : alerts->retry_longest_ms;
    return wait_ms - wait_ms / 4 * (random % 1024) / 1024;
}

bool courier_gives_up(const struct config_alerts *alerts, int64_t attempts, int64_t tried_since_ms, int64_t now_ms)
{
    return attempts >= COURIER_ATTEMPTS_LEAST && now_ms - tried_since_ms >= alerts->retry_for_ms;
}

static bool courier_may_write(const struct courier *courier)
{
    return courier->options.may_write == NULL || courier->options.may_write(courier->options.context);
}

static int64_t courier_next_at(const struct courier *courier, int64_t attempts, int64_t now_ms)
{
    return now_ms + courier_wait_ms(courier->options.alerts, attempts, randombytes_random());
}

static void courier_check_store(struct courier *courier, int rc)
{
    if (rc < 0 && !courier->store_failed) {
        log_error("alerts: %s; it is tried again", store_last_error(courier->options.store)->text);
    }
    courier->store_failed = rc < 0;
}

static void courier_on_tick(uv_timer_t *timer);

/* ---- one attempt ---- */

static void courier_land(struct flight *flight, bool arrived)
{
    const struct config_alerts *alerts = flight->courier->options.alerts;
    struct store *store = flight->courier->options.store;
    int64_t now_ms = wall_now_ms();
    int64_t next_ms = courier_next_at(flight->courier, flight->alert.attempts, now_ms);
    bool is_dead = !arrived && courier_gives_up(alerts, flight->alert.attempts, flight->alert.tried_since, now_ms);
    char error[STORE_ALERT_ERROR_SIZE];

    (void)typeset_escape(flight->letter.error[0] == '\0' ? "out of memory" : flight->letter.error, error,
                         sizeof(error));
    /* Where the store cannot be written to now, the result goes with what is being written. */
    (void)courier_may_write(flight->courier);
    if (arrived) {
        courier_check_store(flight->courier, store_alert_delivered(store, flight->alert.id, now_ms));
    } else {
        courier_check_store(flight->courier, store_alert_failed(store, flight->alert.id, error, next_ms, is_dead));
        log_warning("alert %.8s does not reach %s (attempt %" PRId64 "): %s; %s", flight->alert.uuid,
                    flight->receiver->name, flight->alert.attempts, error,
                    is_dead ? "it is given up; `leastport alert retry` takes it up again" : "it is tried again");
    }
    letter_done(&flight->letter);
    flight->is_under_way = false;
    /* The next one waits for no tick. */
    (void)uv_timer_start(&flight->courier->tick, courier_on_tick, 0, COURIER_TICK_MS);
}

/* Counted before anything is sent: what dies in the middle is sent again, with the same id. */
static int courier_prepare(struct flight *flight, int64_t now_ms)
{
    struct courier *courier = flight->courier;
    struct store *store = courier->options.store;
    const struct store_alert_when when = {courier->options.is_once ? courier->begun_ms : now_ms, now_ms};
    int rc = store_alert_due(store, flight->receiver->name, &when, &flight->alert);

    if (rc == 0 && !courier_may_write(courier)) {
        return -ENOENT;
    }
    if (rc == 0) {
        rc = store_alert_begin(store, &flight->alert, now_ms,
                               courier_next_at(courier, flight->alert.attempts + 1, now_ms));
    }
    if (rc == 0) {
        flight->letter = (struct letter){.receiver = flight->receiver, .now_ms = now_ms};
        rc = store_alert_json(store, flight->alert.uuid, false, &flight->letter.alert);
    }
    return rc;
}

/* 1: something was due. */
static int courier_take_off(struct flight *flight)
{
    int rc = courier_prepare(flight, wall_now_ms());

    if (rc < 0) {
        courier_check_store(flight->courier, rc == -ENOENT ? 0 : rc);
        return rc == -ENOENT ? 0 : rc;
    }
    rc = flight->driver->prepare(&flight->letter);
    if (rc == 0 && flight->letter.easy != NULL) {
        (void)curl_easy_setopt(flight->letter.easy, CURLOPT_PRIVATE, flight);
        rc = curl_multi_add_handle(flight->courier->multi, flight->letter.easy) == CURLM_OK ? 0 : -ENOMEM;
        flight->is_under_way = rc == 0;
    }
    if (!flight->is_under_way) {
        courier_land(flight, rc == 0);
    }
    return 1;
}

static void courier_look(struct courier *courier)
{
    bool is_idle = true;

    for (size_t i = 0; i < courier->count && !courier->stopping; i++) {
        struct flight *flight = &courier->flights[i];
        if (flight->is_under_way || courier_take_off(flight) != 0) {
            is_idle = false;
        }
    }
    if (is_idle && !courier->stopping && courier->options.on_idle != NULL) {
        courier->options.on_idle(courier->options.context);
    }
}

static void courier_on_tick(uv_timer_t *timer)
{
    courier_look(timer->data);
}

/* ---- libcurl on the loop ---- */

static void courier_finish(struct flight *flight, CURLcode code)
{
    bool is_heard = code == CURLE_OK || (code == CURLE_WRITE_ERROR && flight->letter.is_cut);
    bool arrived = is_heard && flight->driver->accept(&flight->letter);

    if (!is_heard) {
        /* The words of libcurl name a host at most; an address with a secret in it is not among them. */
        snprintf(flight->letter.error, sizeof(flight->letter.error), "%s",
                 flight->letter.curl_error[0] == '\0' || flight->receiver->url_file != NULL
                     ? curl_easy_strerror(code)
                     : flight->letter.curl_error);
    }
    curl_multi_remove_handle(flight->courier->multi, flight->letter.easy);
    courier_land(flight, arrived);
}

static void courier_collect(struct courier *courier)
{
    CURLMsg *message;
    char *flight;
    int left;

    while ((message = curl_multi_info_read(courier->multi, &left)) != NULL) {
        CURLcode code = message->data.result;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &flight) == CURLE_OK) {
            courier_finish((struct flight *)(void *)flight, code);
        }
    }
}

static void courier_act(struct courier *courier, curl_socket_t fd, int events)
{
    int running;

    (void)curl_multi_socket_action(courier->multi, fd, events, &running);
    courier_collect(courier);
}

static void courier_on_timeout(uv_timer_t *timer)
{
    courier_act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int courier_on_timer(CURLM *multi, long timeout_ms, void *context)
{
    struct courier *courier = context;

    (void)multi;
    if (timeout_ms < 0) {
        uv_timer_stop(&courier->timeout);
    } else if (uv_is_closing((const uv_handle_t *)&courier->timeout) == 0) {
        uv_timer_start(&courier->timeout, courier_on_timeout, (uint64_t)timeout_ms, 0);
    }
    return 0;
}

/* A socket of libcurl's, watched for it. */
struct watched {
    uv_poll_t poll;
    struct courier *courier;
    curl_socket_t fd;
};

static void courier_on_socket(uv_poll_t *poll, int status, int events)
{
    const struct watched *watched = poll->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;

    flags |= (events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0;
    flags |= (events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0;
    courier_act(watched->courier, watched->fd, flags);
}

static void courier_on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static int courier_watch(CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
    struct courier *courier = context;
    struct watched *watched = socket_context;
    int events = ((what & CURL_POLL_IN) != 0 ? UV_READABLE : 0) | ((what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0);

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (watched != NULL) {
            uv_poll_stop(&watched->poll);
            uv_close((uv_handle_t *)&watched->poll, courier_on_closed);
            (void)curl_multi_assign(courier->multi, fd, NULL);
        }
        return 0;
    }
    if (watched == NULL) {
        watched = calloc(1, sizeof(*watched));
        if (watched == NULL || uv_poll_init_socket(courier->loop, &watched->poll, fd) < 0) {
            free(watched);
            return -1;
        }
        watched->courier = courier;
        watched->fd = fd;
        watched->poll.data = watched;
        (void)curl_multi_assign(courier->multi, fd, watched);
    }
    return uv_poll_start(&watched->poll, events, courier_on_socket) < 0 ? -1 : 0;
}

/* ---- life ---- */

static int courier_bury_orphans(const struct courier *courier)
{
    json_t *names = json_array();
    int64_t count = 0;
    int rc = names == NULL ? -ENOMEM : 0;

    for (size_t i = 0; rc == 0 && i < courier->count; i++) {
        rc = json_array_append_new(names, json_string(courier->flights[i].receiver->name)) == 0 ? 0 : -ENOMEM;
    }
    rc = rc == 0 ? store_alert_orphans(courier->options.store, names, &count) : rc;
    json_decref(names);
    if (count > 0) {
        log_warning("alerts: %" PRId64 " wait for receivers that the configuration has not and are given up; "
                    "`leastport alert list --state dead` shows them",
                    count);
    }
    return rc;
}

int courier_create(uv_loop_t *loop, const struct courier_options *options, struct courier **ret_courier)
{
    size_t count = options->alerts->receiver_count;
    struct courier *courier = calloc(1, sizeof(*courier) + count * sizeof(struct flight));
    int rc;

    if (courier == NULL) {
        return -ENOMEM;
    }
    courier->options = *options;
    courier->loop = loop;
    courier->begun_ms = wall_now_ms();
    courier->count = count;
    for (size_t i = 0; i < count; i++) {
        courier->flights[i].courier = courier;
        courier->flights[i].receiver = &options->alerts->receivers[i];
        courier->flights[i].driver = driver_find(options->alerts->receivers[i].kind);
    }
    rc = courier_bury_orphans(courier);
    courier->multi = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_multi_init() : NULL;
    if (rc < 0 || courier->multi == NULL) {
        courier_destroy(courier);
        return rc < 0 ? rc : -ENOMEM;
    }
    (void)curl_multi_setopt(courier->multi, CURLMOPT_SOCKETFUNCTION, courier_watch);
    (void)curl_multi_setopt(courier->multi, CURLMOPT_SOCKETDATA, courier);
    (void)curl_multi_setopt(courier->multi, CURLMOPT_TIMERFUNCTION, courier_on_timer);
    (void)curl_multi_setopt(courier->multi, CURLMOPT_TIMERDATA, courier);
    uv_timer_init(loop, &courier->tick);
    uv_timer_init(loop, &courier->timeout);
    courier->tick.data = courier;
    courier->timeout.data = courier;
    uv_timer_start(&courier->tick, courier_on_tick, 0, COURIER_TICK_MS);
    *ret_courier = courier;
    return 0;
}

void courier_stop(struct courier *courier)
{
    if (courier == NULL || courier->stopping) {
        return;
    }
    courier->stopping = true;
    for (size_t i = 0; i < courier->count; i++) {
        if (courier->flights[i].is_under_way) {
            curl_multi_remove_handle(courier->multi, courier->flights[i].letter.easy);
            letter_done(&courier->flights[i].letter);
        }
    }
    curl_multi_cleanup(courier->multi);
    courier->multi = NULL;
    uv_close((uv_handle_t *)&courier->tick, NULL);
    uv_close((uv_handle_t *)&courier->timeout, NULL);
}

void courier_destroy(struct courier *courier)
{
    if (courier == NULL) {
        return;
    }
    if (courier->multi != NULL) {
        curl_multi_cleanup(courier->multi);
    }
    free(courier);
}
