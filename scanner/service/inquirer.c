#include "scanner/service/inquirer.h"

#include "scanner/service/conversation.h"
#include "scanner/service/inquiry.h"
#include "scanner/siphash.h"
#include "scanner/timers.h"

#include "lib/portset.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    EVENTS = 256,
    PLACES_MAX = 2048, /* endpoints at once: what an inquiry keeps is some 25 KiB, and its TLS as much again */
    HOSTS_MAX = 1024,  /* at once */
    CONTROLS = 3,
    CONTROL_DRAWS = 64,
    CONTROL_MS = 3000,
    CONTROL_PORT_FIRST = 1024,
    EVERY_PORT_PER_HOST = 32,
    /* So many open ports of one host are no services, when it has hardly any other and none is left for a control. */
    EVERY_PORT_SURE = 1000,
    EVERY_PORT_PERCENT = 90,
    DULL_LEAST = 16, /* so many endpoints of a host that say nothing, and few that do: */
    DULL_SHARE = 8,
    DULL_SILENT_MS = 5000, /* the others are given less time, */
    DULL_VERY = 64,        /* and after so many still less */
    ROOM_MS = 100,         /* this machine has run out of something: when to try again */
    STARVED_S = 60,
};

static const uint32_t NOWHERE = UINT32_MAX;
static const uint64_t WAKE = UINT64_MAX;
static const uint32_t KEPT = UINT32_C(1) << 31; /* of the place's number: what it has kept aside */
static const uint64_t NS_PER_MS = 1000000;
static const uint64_t NS_PER_S = 1000000000;

enum host_kind {
    HOST_UNJUDGED,
    HOST_ORDINARY,
    HOST_EVERY_PORT,
};

/* A host that is being asked. */
struct host {
    bool used;
    uint32_t number; /* the source's */
    struct inquirer_host about;
    char text[ADDR_TEXT_SIZE];
    enum host_kind kind;
    struct pacer pacer;
    uint32_t from;     /* the next port is at or after it */
    bool drawn;        /* there is no further port */
    uint32_t active;   /* places that work for it */
    uint32_t controls; /* control ports that are still being asked */
    uint32_t accepted; /* of them: accept connections */
    uint32_t turn;     /* the place that talks to one of its delicate servers; NOWHERE */
    uint32_t dull;     /* endpoints of which nothing was learnt, and the others */
    uint32_t lively;
    int32_t untold; /* of an every-port host: its lowest port that nothing was told of; -1 */
};

enum place_state { PLACE_FREE, PLACE_WAITING, PLACE_BUSY };

/* One endpoint that is being asked, or one control port, which has no inquiry. */
struct place {
    enum place_state state;
    uint32_t host;
    uint16_t port;
    uint32_t age;    /* events of an earlier socket are told by it */
    uint32_t next;   /* of those that wait, and of the free ones */
    uint32_t events; /* what epoll watches for */
    struct inquiry *inquiry;
    struct conversation conversation;
    struct conversation kept; /* set aside by the inquiry; without a socket: none */
    uint32_t kept_age;
    bool overheard; /* it can be read, which the inquiry is told once it may answer to that */
};

struct inquirer {
    struct inquirer_options options;
    struct pacer pacer;
    struct pacer_rate rate; /* at the moment */
    int epoll_fd;
    struct timers *timers;
    struct place *places;
    uint32_t place_count;
    uint32_t kept_most; /* sockets for connections that are kept aside, and how many there are */
    uint32_t kept_count;
    uint32_t free_head;
    uint32_t waiting_head;
    uint32_t waiting_tail;
    struct host *hosts;
    uint32_t host_count;
    uint32_t host_turn; /* where the next look for a port begins */
    uint32_t hosts_used;
    uint32_t next_host;     /* of the source */
    struct portset *likely; /* ports that some protocol is likely on */
    struct mono_time now;
    struct mono_time no_room_until;
    struct mono_time starved; /* since when no connection could be made for want of room; 0: it could */
    uint64_t connects;
    uint64_t told;
    int exhausted; /* the errno that was told last */
    bool stopped;
};

/* Life. */

/* One protocol's list; "" has none. */
static void gather_ports(const char *list, struct portset *room, struct portset *set)
{
    size_t offset;

    if (list[0] != '\0') {
        int rc = portset_parse(list, room, &offset);
        assert(rc == 0);
        portset_union(set, room);
    }
}

static int gather_likely(struct portset *set)
{
    size_t count;
    const struct protocol *const *table = protocols(&count);
    struct portset *room = malloc(sizeof(*room));

    if (room == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        gather_ports(table[i]->ports, room, set);
        gather_ports(table[i]->tls_ports, room, set);
    }
    free(room);
    return 0;
}

static int open_epoll(struct inquirer *inquirer)
{
    struct epoll_event wake = {.events = EPOLLIN, .data.u64 = WAKE};

    inquirer->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (inquirer->epoll_fd < 0) {
        return -errno;
    }
    return inquirer->options.wake_fd >= 0 &&
                   epoll_ctl(inquirer->epoll_fd, EPOLL_CTL_ADD, inquirer->options.wake_fd, &wake) < 0
               ? -errno
               : 0;
}

static int open_places(struct inquirer *inquirer)
{
    uint32_t sockets = inquirer->options.sockets;
    uint32_t places = sockets - sockets / 3;

    inquirer->place_count = places < PLACES_MAX ? places : PLACES_MAX;
    inquirer->kept_most = sockets - inquirer->place_count;
    inquirer->host_count = inquirer->place_count < HOSTS_MAX ? inquirer->place_count : HOSTS_MAX;
    inquirer->places = calloc(inquirer->place_count, sizeof(*inquirer->places));
    inquirer->hosts = calloc(inquirer->host_count, sizeof(*inquirer->hosts));
    inquirer->likely = calloc(1, sizeof(*inquirer->likely));
    inquirer->timers = timers_create(inquirer->place_count);
    if (inquirer->places == NULL || inquirer->hosts == NULL || inquirer->likely == NULL || inquirer->timers == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < inquirer->place_count; i++) {
        inquirer->places[i].conversation.fd = -1;
        inquirer->places[i].kept.fd = -1;
        inquirer->places[i].next = i + 1 < inquirer->place_count ? i + 1 : NOWHERE;
    }
    return gather_likely(inquirer->likely);
}

int inquirer_create(const struct inquirer_options *options, struct inquirer **ret_inquirer)
{
    struct inquirer *inquirer = calloc(1, sizeof(*inquirer));
    int rc;

    assert(options->sockets >= 1 && options->per_host >= 1);
    if (inquirer == NULL) {
        return -ENOMEM;
    }
    inquirer->options = *options;
    inquirer->rate = options->rate;
    inquirer->waiting_head = NOWHERE;
    inquirer->waiting_tail = NOWHERE;
    rc = open_epoll(inquirer);
    if (rc == 0) {
        rc = open_places(inquirer);
    }
    if (rc < 0) {
        inquirer_destroy(inquirer);
        return rc;
    }
    *ret_inquirer = inquirer;
    return 0;
}

void inquirer_destroy(struct inquirer *inquirer)
{
    if (inquirer == NULL) {
        return;
    }
    for (uint32_t i = 0; inquirer->places != NULL && i < inquirer->place_count; i++) {
        conversation_close(&inquirer->places[i].conversation, true);
        conversation_close(&inquirer->places[i].kept, false);
        inquiry_destroy(inquirer->places[i].inquiry);
    }
    if (inquirer->epoll_fd > 0) {
        close(inquirer->epoll_fd);
    }
    timers_destroy(inquirer->timers);
    free(inquirer->likely);
    free(inquirer->places);
    free(inquirer->hosts);
    free(inquirer);
}

void inquirer_limit(struct inquirer *inquirer, uint64_t most_pps)
{
    struct pacer_rate most = pacer_rate_of(most_pps, most_pps < 100 ? 1 : (uint32_t)(most_pps / 100));

    inquirer->rate = most.interval_ns > inquirer->options.rate.interval_ns ? most : inquirer->options.rate;
}

bool inquirer_is_complete(const struct inquirer *inquirer)
{
    return !inquirer->stopped && inquirer->hosts_used == 0 && inquirer->next_host == inquirer->options.source.hosts;
}

bool inquirer_is_done(const struct inquirer *inquirer)
{
    return inquirer->stopped || inquirer_is_complete(inquirer);
}

uint64_t inquirer_connects(const struct inquirer *inquirer)
{
    return inquirer->connects;
}

uint64_t inquirer_told(const struct inquirer *inquirer)
{
    return inquirer->told;
}

/* Places. */

static struct host *host_of(struct inquirer *inquirer, const struct place *place)
{
    return &inquirer->hosts[place->host];
}

static uint32_t number_of(const struct inquirer *inquirer, const struct place *place)
{
    return (uint32_t)(place - inquirer->places);
}

static void queue(struct inquirer *inquirer, struct place *place)
{
    uint32_t number = number_of(inquirer, place);

    place->state = PLACE_WAITING;
    place->next = NOWHERE;
    timers_clear(inquirer->timers, number);
    if (inquirer->waiting_tail == NOWHERE) {
        inquirer->waiting_head = number;
    } else {
        inquirer->places[inquirer->waiting_tail].next = number;
    }
    inquirer->waiting_tail = number;
}

static void hang_up(struct inquirer *inquirer, struct place *place, bool in_order)
{
    struct host *host = host_of(inquirer, place);

    conversation_close(&place->conversation, in_order);
    place->age++;
    if (host->turn == number_of(inquirer, place)) {
        host->turn = NOWHERE;
    }
}

static void drop_kept(struct inquirer *inquirer, struct place *place)
{
    if (place->kept.fd >= 0) {
        conversation_close(&place->kept, false);
        inquirer->kept_count--;
        place->kept_age++;
    }
    place->overheard = false;
}

static void release(struct inquirer *inquirer, struct place *place)
{
    hang_up(inquirer, place, true);
    drop_kept(inquirer, place);
    timers_clear(inquirer->timers, number_of(inquirer, place));
    inquiry_destroy(place->inquiry);
    place->inquiry = NULL;
    place->state = PLACE_FREE;
    place->next = inquirer->free_head;
    inquirer->free_head = number_of(inquirer, place);
    host_of(inquirer, place)->active--;
}

static struct place *occupy(struct inquirer *inquirer, uint32_t host, uint16_t port)
{
    struct place *place = &inquirer->places[inquirer->free_head];
    struct host *at = &inquirer->hosts[host];

    inquirer->free_head = place->next;
    place->host = host;
    place->port = port;
    assert(place->kept.fd < 0);
    place->conversation =
        (struct conversation){.addr = at->about.addr, .host = at->text, .name = at->about.name, .port = port, .fd = -1};
    at->active++;
    queue(inquirer, place);
    return place;
}

/* Hosts. */

static void tell_every_port(struct inquirer *inquirer, struct host *host)
{
    struct identity identity = {0};

    if (host->untold < 0) {
        return;
    }
    facts_set_string(&identity.facts, "behaviour", "every-port");
    inquirer->told++;
    inquirer->options.listener.identified(inquirer->options.listener.context, host->number, (uint16_t)host->untold,
                                          &identity);
}

static void leave_host(struct inquirer *inquirer, struct host *host)
{
    if (host->kind == HOST_EVERY_PORT) {
        tell_every_port(inquirer, host);
    }
    host->used = false;
    inquirer->hosts_used--;
    inquirer->options.listener.host_done(inquirer->options.listener.context, host->number);
}

static void judge_every_port(struct inquirer *inquirer, struct host *host, bool known)
{
    host->kind = HOST_EVERY_PORT;
    if (!known) {
        inquirer->options.listener.every_port(inquirer->options.listener.context, host->number);
    }
}

static bool prints(uint16_t port)
{
    return port >= INQUIRER_PRINTER_FIRST && port <= INQUIRER_PRINTER_LAST;
}

/* A port that the scan has not asked and no protocol is known on: whoever accepts there accepts anything. -1: there is
 * none. */
static int32_t draw_control(const struct inquirer *inquirer, const struct host *host, uint32_t draw)
{
    const struct inquirer_source *source = &inquirer->options.source;
    struct siphash hash;
    uint64_t words[2];
    uint32_t port;

    memcpy(words, host->about.addr.bytes, sizeof(words));
    siphash_init(&hash, inquirer->options.seed);
    siphash_add(&hash, words[0]);
    siphash_add(&hash, words[1]);
    port = CONTROL_PORT_FIRST +
           (uint32_t)(siphash_finish(hash, draw, (uint8_t)sizeof(words)) % (UINT16_MAX + 1 - CONTROL_PORT_FIRST));
    return portset_has(inquirer->likely, (uint16_t)port) || prints((uint16_t)port) ||
                   source->was_probed(source->context, host->number, (uint16_t)port)
               ? -1
               : (int32_t)port;
}

/* Where all that was probed is open, ports that nobody uses are asked beside the real ones. */
static void begin_controls(struct inquirer *inquirer, uint32_t index)
{
    struct host *host = &inquirer->hosts[index];

    for (uint32_t draw = 0; draw < CONTROL_DRAWS && host->controls < CONTROLS; draw++) {
        int32_t port = inquirer->free_head != NOWHERE ? draw_control(inquirer, host, draw) : -1;
        if (port >= 0) {
            occupy(inquirer, index, (uint16_t)port);
            host->controls++;
        }
    }
    if (host->controls == 0 && host->about.open >= EVERY_PORT_SURE) {
        judge_every_port(inquirer, host, false);
    } else if (host->controls == 0) {
        host->kind = HOST_ORDINARY;
    }
}

static bool accepts_most(const struct host *host)
{
    return (uint64_t)host->about.open * 100 >= (uint64_t)host->about.probed * EVERY_PORT_PERCENT;
}

static void begin_host(struct inquirer *inquirer, uint32_t index)
{
    struct host *host = &inquirer->hosts[index];
    const struct inquirer_source *source = &inquirer->options.source;

    *host = (struct host){.used = true, .number = inquirer->next_host++, .turn = NOWHERE, .untold = -1};
    source->host(source->context, host->number, &host->about);
    addr_format(&host->about.addr, host->text);
    inquirer->hosts_used++;
    if (host->about.open == 0) {
        host->drawn = true;
        host->kind = HOST_ORDINARY;
    } else if (host->about.is_every_port) {
        judge_every_port(inquirer, host, true);
    } else if (accepts_most(host)) {
        begin_controls(inquirer, index);
    } else {
        host->kind = HOST_ORDINARY;
    }
}

static void finish_control(struct inquirer *inquirer, struct place *place, bool accepted)
{
    struct host *host = host_of(inquirer, place);

    host->controls--;
    host->accepted += accepted;
    release(inquirer, place);
    if (host->controls > 0) {
        return;
    }
    if (host->accepted == CONTROLS) {
        judge_every_port(inquirer, host, false);
    } else {
        host->kind = HOST_ORDINARY;
    }
}

static void keep_untold(struct host *host, int32_t port)
{
    if (host->untold < 0 || port < host->untold) {
        host->untold = port;
    }
}

/* The host's next port; of one that accepts every port only those where a protocol is likely. */
static int32_t next_port(struct inquirer *inquirer, struct host *host)
{
    const struct inquirer_source *source = &inquirer->options.source;
    int32_t port = source->next_port(source->context, host->number, host->from);

    while (port >= 0 && host->kind == HOST_EVERY_PORT && !portset_has(inquirer->likely, (uint16_t)port)) {
        int32_t likely = portset_next(inquirer->likely, (uint32_t)port);
        keep_untold(host, port);
        port = likely >= 0 ? source->next_port(source->context, host->number, (uint32_t)likely) : -1;
    }
    host->from = (uint32_t)port + 1;
    host->drawn = port < 0 || port == UINT16_MAX;
    return port;
}

static bool is_dull(const struct host *host)
{
    return host->dull >= DULL_LEAST && host->dull > DULL_SHARE * host->lively;
}

static int begin_endpoint(struct inquirer *inquirer, uint32_t index, uint16_t port)
{
    const struct host *host = &inquirer->hosts[index];
    bool spared = is_dull(host) && !portset_has(inquirer->likely, port);
    struct inquiry_options options = {
        .target = {.host = host->text, .name = host->about.name, .port = port, .doors = inquirer->options.doors},
        .silent_ms = spared ? DULL_SILENT_MS : 0,
        .brief = host->kind == HOST_EVERY_PORT || (spared && host->dull >= DULL_VERY)};
    struct place *place = occupy(inquirer, index, port);

    place->inquiry = inquiry_create(&options);
    return place->inquiry == NULL ? -ENOMEM : 0;
}

/* Nothing is sent there, and said so: who reads the result is not to take it for a port that was asked in vain. */
static void spare_endpoint(struct inquirer *inquirer, const struct host *host, uint16_t port)
{
    struct identity identity = {0};

    facts_set_string(&identity.facts, "behaviour", "not-asked");
    inquirer->told++;
    inquirer->options.listener.identified(inquirer->options.listener.context, host->number, port, &identity);
}

static uint32_t most_active(const struct inquirer *inquirer, const struct host *host)
{
    return host->kind == HOST_EVERY_PORT && inquirer->options.per_host < EVERY_PORT_PER_HOST
               ? EVERY_PORT_PER_HOST
               : inquirer->options.per_host;
}

/* One port more of one host. False: it has none, or enough are under way. */
static bool feed_host(struct inquirer *inquirer, uint32_t index, int *rc)
{
    struct host *host = &inquirer->hosts[index];
    int32_t port;

    if (!host->used || host->kind == HOST_UNJUDGED) {
        return false;
    }
    if (host->drawn) {
        if (host->active == 0) {
            leave_host(inquirer, host);
        }
        return false;
    }
    if (host->active >= most_active(inquirer, host) || inquirer->free_head == NOWHERE) {
        return false;
    }
    port = next_port(inquirer, host);
    if (port >= 0 && prints((uint16_t)port) && !inquirer->options.printers) {
        spare_endpoint(inquirer, host, (uint16_t)port);
    } else if (port >= 0) {
        *rc = begin_endpoint(inquirer, index, (uint16_t)port);
    }
    return true;
}

/* As many endpoints as there are places, host by host in turns. */
static int feed(struct inquirer *inquirer)
{
    bool fed = true;
    int rc = 0;

    assert(inquirer->host_count > 0);
    while (fed && rc == 0) {
        fed = false;
        for (uint32_t i = 0; i < inquirer->host_count && rc == 0; i++) {
            uint32_t index = (inquirer->host_turn + i) % inquirer->host_count;
            if (!inquirer->hosts[index].used && inquirer->next_host < inquirer->options.source.hosts &&
                inquirer->free_head != NOWHERE) {
                begin_host(inquirer, index);
                fed = true;
            }
            fed |= feed_host(inquirer, index, &rc);
        }
        inquirer->host_turn = (inquirer->host_turn + 1) % inquirer->host_count;
    }
    return rc;
}

/* Endpoints. */

static bool is_worth_telling(const struct host *host, const struct identity *identity)
{
    return host->kind != HOST_EVERY_PORT || facts_text(&identity->facts, "service") != NULL;
}

static void finish_endpoint(struct inquirer *inquirer, struct place *place)
{
    struct host *host = host_of(inquirer, place);
    const struct identity *identity = inquiry_identity(place->inquiry);
    bool learnt = facts_text(&identity->facts, "service") != NULL;

    host->dull += !learnt;
    host->lively += learnt;
    if (is_worth_telling(host, identity)) {
        inquirer->told++;
        inquirer->options.listener.identified(inquirer->options.listener.context, host->number, place->port, identity);
    } else {
        keep_untold(host, place->port);
    }
    release(inquirer, place);
}

static int watch(struct inquirer *inquirer, struct place *place, int operation)
{
    bool writes = place->conversation.connecting || place->conversation.blocked;
    uint32_t events = writes ? EPOLLIN | EPOLLOUT : EPOLLIN;
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)place->age << 32 | number_of(inquirer, place)};

    if (operation == EPOLL_CTL_MOD && place->events == events) {
        return 0;
    }
    place->events = events;
    return epoll_ctl(inquirer->epoll_fd, operation, place->conversation.fd, &event) < 0 ? errno : 0;
}

/* Instead of hanging up. Told of once, whatever comes on it. */
static void set_aside(struct inquirer *inquirer, struct place *place)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT,
                                .data.u64 = (uint64_t)place->kept_age << 32 | KEPT | number_of(inquirer, place)};

    if (inquirer->kept_count >= inquirer->kept_most || place->conversation.fd < 0 || place->kept.fd >= 0 ||
        epoll_ctl(inquirer->epoll_fd, EPOLL_CTL_MOD, place->conversation.fd, &event) < 0) {
        inquiry_unkept(place->inquiry);
        hang_up(inquirer, place, false);
        return;
    }
    place->kept = place->conversation;
    inquirer->kept_count++;
    place->conversation.fd = -1;
    place->conversation.tls = NULL;
    hang_up(inquirer, place, false);
}

/* What was kept aside takes the place of the connection at hand. -errno. */
static int take_back(struct inquirer *inquirer, struct place *place)
{
    assert(place->kept.fd >= 0);
    place->conversation = place->kept;
    place->kept.fd = -1;
    place->overheard = false;
    place->kept_age++;
    inquirer->kept_count--;
    place->events = 0;
    inquiry_returned(place->inquiry, inquirer->now);
    return -watch(inquirer, place, EPOLL_CTL_MOD);
}

/* A delicate server's turn: 0 when it is this place's now. */
static bool takes_turn(struct inquirer *inquirer, struct place *place)
{
    struct host *host = host_of(inquirer, place);

    if (host->turn == NOWHERE) {
        host->turn = number_of(inquirer, place);
    }
    return host->turn == number_of(inquirer, place);
}

/* Does what the inquiry wishes for, until it waits. -errno. */
static int comply(struct inquirer *inquirer, struct place *place)
{
    for (;;) {
        struct inquiry_wish wish = inquiry_wish(place->inquiry);
        int rc;
        if (!wish.keeps && place->kept.fd >= 0) {
            drop_kept(inquirer, place);
        }
        switch (wish.next) {
        case INQUIRY_OVER:
            hang_up(inquirer, place, wish.heard);
            finish_endpoint(inquirer, place);
            return 0;
        case INQUIRY_OPEN:
            if (wish.keep) {
                set_aside(inquirer, place);
            } else {
                hang_up(inquirer, place, wish.heard);
            }
            queue(inquirer, place);
            return 0;
        case INQUIRY_RETURN:
            hang_up(inquirer, place, wish.heard);
            rc = take_back(inquirer, place);
            if (rc < 0) {
                return rc;
            }
            break;
        case INQUIRY_PAUSE:
            hang_up(inquirer, place, wish.heard);
            timers_set(inquirer->timers, number_of(inquirer, place), inquiry_deadline(place->inquiry));
            return 0;
        case INQUIRY_TALK:
        case INQUIRY_SECURE:
            if (wish.delicate && !takes_turn(inquirer, place) && !wish.heard) {
                inquiry_put_off(place->inquiry, inquirer->now);
                break;
            }
            rc = conversation_send(&place->conversation, inquirer->options.tls, place->inquiry);
            if (rc < 0) {
                return rc;
            }
            if (inquiry_wish(place->inquiry).next == wish.next) {
                timers_set(inquirer->timers, number_of(inquirer, place), inquiry_deadline(place->inquiry));
                return -watch(inquirer, place, EPOLL_CTL_MOD);
            }
            break;
        }
    }
}

/* Connections. */

static void tell_exhausted(struct inquirer *inquirer, int error)
{
    inquirer->no_room_until = mono_add_ns(inquirer->now, ROOM_MS * NS_PER_MS);
    if (inquirer->starved.ns == 0) {
        inquirer->starved = inquirer->now;
    }
    if (inquirer->exhausted != error) {
        inquirer->exhausted = error;
        inquirer->options.listener.exhausted(inquirer->options.listener.context, error);
    }
}

/* Bytes on what is kept aside are the inquiry's; that it has ended is no news worth more than that. -errno. */
static int serve_kept(struct inquirer *inquirer, struct place *place)
{
    char byte;

    place->overheard = false;
    if (recv(place->kept.fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) <= 0) {
        inquiry_unkept(place->inquiry);
        drop_kept(inquirer, place);
        return 0;
    }
    inquiry_overheard(place->inquiry, inquirer->now);
    return comply(inquirer, place);
}

/* A connection that is on its way, or was refused by this machine itself. -errno. */
static int begun(struct inquirer *inquirer, struct place *place, bool stands)
{
    inquirer->starved = (struct mono_time){0};
    if (place->inquiry == NULL) {
        if (!stands) {
            finish_control(inquirer, place, false);
            return 0;
        }
        timers_set(inquirer->timers, number_of(inquirer, place), mono_add_ns(inquirer->now, CONTROL_MS * NS_PER_MS));
        return 0;
    }
    inquiry_begun(place->inquiry, inquirer->now);
    if (!stands) {
        inquiry_failed(place->inquiry, inquirer->now);
        return comply(inquirer, place);
    }
    timers_set(inquirer->timers, number_of(inquirer, place), inquiry_deadline(place->inquiry));
    return place->overheard ? serve_kept(inquirer, place) : 0;
}

/* 1: it is begun. 0: this machine has no room. -errno. */
static int connect_place(struct inquirer *inquirer, struct place *place)
{
    int error = conversation_open(&place->conversation, inquirer->options.scope);
    bool stands = error == 0;
    int rc;

    if (error < 0) {
        return error;
    }
    if (stands) {
        place->events = 0;
        error = watch(inquirer, place, EPOLL_CTL_ADD);
    }
    if (conversation_is_exhaustion(error)) {
        conversation_close(&place->conversation, false);
        tell_exhausted(inquirer, error);
        return 0;
    }
    if (error > 0 && stands) {
        return -error;
    }
    place->state = PLACE_BUSY;
    inquirer->connects++;
    rc = begun(inquirer, place, stands);
    return rc < 0 ? rc : 1;
}

static bool may_connect(struct inquirer *inquirer, struct place *place)
{
    struct host *host = host_of(inquirer, place);

    if (!pacer_ready(&host->pacer, &inquirer->options.host_rate, inquirer->now) ||
        !pacer_ready(&inquirer->pacer, &inquirer->rate, inquirer->now)) {
        return false;
    }
    if (place->inquiry != NULL && inquiry_wish(place->inquiry).delicate && !takes_turn(inquirer, place)) {
        return false;
    }
    pacer_take(&host->pacer, &inquirer->options.host_rate, inquirer->now, 1);
    pacer_take(&inquirer->pacer, &inquirer->rate, inquirer->now, 1);
    return true;
}

static void give_back(struct inquirer *inquirer, struct place *place)
{
    struct host *host = host_of(inquirer, place);

    pacer_put_back(&host->pacer, &inquirer->options.host_rate);
    pacer_put_back(&inquirer->pacer, &inquirer->rate);
    if (host->turn == number_of(inquirer, place)) {
        host->turn = NOWHERE;
    }
}

/* Those that wait and may go, in order; the others stay in theirs. -errno. */
static int connect_waiting(struct inquirer *inquirer)
{
    uint32_t at = inquirer->waiting_head;
    bool room = mono_elapsed_ns(inquirer->now, inquirer->no_room_until) == 0;
    int rc = 1;

    inquirer->waiting_head = NOWHERE;
    inquirer->waiting_tail = NOWHERE;
    while (at != NOWHERE) {
        struct place *place = &inquirer->places[at];
        at = place->next;
        if (rc <= 0 || !room || !may_connect(inquirer, place)) {
            queue(inquirer, place);
            continue;
        }
        rc = connect_place(inquirer, place);
        if (rc <= 0) {
            give_back(inquirer, place);
            queue(inquirer, place);
        }
    }
    if (rc >= 0 && inquirer->starved.ns != 0 &&
        mono_elapsed_ns(inquirer->starved, inquirer->now) > STARVED_S * NS_PER_S) {
        return -ENOBUFS;
    }
    return rc < 0 ? rc : 0;
}

/* When the first of those that wait may go. */
static struct mono_time waiting_due(const struct inquirer *inquirer, struct mono_time until)
{
    for (uint32_t at = inquirer->waiting_head; at != NOWHERE; at = inquirer->places[at].next) {
        const struct host *host = &inquirer->hosts[inquirer->places[at].host];
        struct mono_time mine = pacer_next(&host->pacer, &inquirer->options.host_rate);
        struct mono_time all = pacer_next(&inquirer->pacer, &inquirer->rate);
        struct mono_time due = mine.ns > all.ns ? mine : all;
        if (inquirer->places[at].inquiry != NULL && inquiry_wish(inquirer->places[at].inquiry).delicate &&
            host->turn != NOWHERE) {
            continue; /* another's end is waited for */
        }
        due = due.ns > inquirer->no_room_until.ns ? due : inquirer->no_room_until;
        until = due.ns < until.ns ? due : until;
    }
    return until;
}

/* Events. */

static int serve(struct inquirer *inquirer, struct place *place)
{
    int rc;

    if (place->inquiry == NULL) {
        int error = 0;
        socklen_t length = sizeof(error);
        bool known = getsockopt(place->conversation.fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0;
        finish_control(inquirer, place, known && error == 0);
        return 0;
    }
    rc = conversation_serve(&place->conversation, inquirer->options.tls, place->inquiry);
    return rc == 0 ? comply(inquirer, place) : rc;
}

static int serve_kept_event(struct inquirer *inquirer, uint64_t data)
{
    struct place *place;

    assert(inquirer->places != NULL);
    place = &inquirer->places[(uint32_t)data & ~KEPT];
    if (place->kept.fd < 0 || place->kept_age != data >> 32) {
        return 0;
    }
    place->overheard = true;
    return place->state == PLACE_BUSY ? serve_kept(inquirer, place) : 0;
}

static int serve_events(struct inquirer *inquirer, const struct epoll_event *events, int count)
{
    int rc = 0;

    for (int i = 0; i < count && rc == 0; i++) {
        uint64_t data = events[i].data.u64;
        bool kept = data != WAKE && ((uint32_t)data & KEPT) != 0;
        struct place *place = data != WAKE && !kept ? &inquirer->places[(uint32_t)data] : NULL;
        if (kept) {
            rc = serve_kept_event(inquirer, data);
        } else if (place != NULL && place->state == PLACE_BUSY && place->age == data >> 32 &&
                   place->conversation.fd >= 0) {
            rc = serve(inquirer, place);
        }
    }
    return rc;
}

static int serve_timers(struct inquirer *inquirer)
{
    uint32_t number;
    struct mono_time due;
    int rc = 0;

    while (rc == 0 && timers_first(inquirer->timers, &number, &due) && due.ns <= inquirer->now.ns) {
        struct place *place = &inquirer->places[number];
        timers_clear(inquirer->timers, number);
        if (place->inquiry == NULL) {
            finish_control(inquirer, place, false);
        } else {
            rc = inquiry_late(place->inquiry, inquirer->now, conversation_is_stuck(&place->conversation));
            rc = rc == 0 ? comply(inquirer, place) : rc;
        }
    }
    return rc;
}

static int wait(struct inquirer *inquirer, struct mono_time until, struct epoll_event *events)
{
    struct mono_time due;
    uint32_t number;
    struct timespec left;
    uint64_t ns;
    int count;

    until = waiting_due(inquirer, until);
    if (timers_first(inquirer->timers, &number, &due) && due.ns < until.ns) {
        until = due;
    }
    ns = mono_elapsed_ns(mono_now(), until);
    ns = ns < NS_PER_S ? ns : NS_PER_S;
    left = (struct timespec){.tv_nsec = (long)(ns % NS_PER_S), .tv_sec = (time_t)(ns / NS_PER_S)};
    count = epoll_pwait2(inquirer->epoll_fd, events, EVENTS, &left, NULL);
    inquirer->now = mono_now();
    return count < 0 && errno != EINTR ? -errno : count < 0 ? 0 : count;
}

int inquirer_step(struct inquirer *inquirer, struct mono_time until)
{
    struct epoll_event events[EVENTS];
    int count;
    int rc;

    if (inquirer->stopped) {
        return 0;
    }
    inquirer->now = mono_now();
    rc = feed(inquirer);
    if (rc == 0) {
        rc = connect_waiting(inquirer);
    }
    if (rc < 0 || inquirer_is_complete(inquirer)) {
        return rc;
    }
    count = wait(inquirer, until, events);
    rc = count < 0 ? count : serve_events(inquirer, events, count);
    return rc == 0 ? serve_timers(inquirer) : rc;
}

void inquirer_stop(struct inquirer *inquirer)
{
    inquirer->stopped = true;
    for (uint32_t i = 0; i < inquirer->place_count; i++) {
        if (inquirer->places[i].state != PLACE_FREE) {
            release(inquirer, &inquirer->places[i]);
        }
    }
}
