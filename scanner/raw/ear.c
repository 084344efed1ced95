#include "scanner/raw/ear.h"

#include "scanner/raw/filter.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* An ARP message with its padding is 60 bytes long, an advertisement 86. */
enum { FRAME_BYTES = 128, FRAMES_AT_ONCE = 512 };

struct ear {
    int fd;
};

/* The filter stands before the socket is bound: nothing else ever gets in. */
static int set_up(int fd, uint32_t ifindex, uint16_t ethertype)
{
    static const struct link_filter wanted = {.arp = true};
    struct sockaddr_ll name = {.sll_family = AF_PACKET, .sll_protocol = htons(ethertype), .sll_ifindex = (int)ifindex};
    struct sock_filter rows[FILTER_MAX];
    struct sock_fprog program = {.filter = rows};

    program.len = (unsigned short)filter_build(&wanted, ethertype, ETHER_HDR_LEN, rows);
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0 ||
                   bind(fd, (const struct sockaddr *)&name, sizeof(name)) < 0
               ? -errno
               : 0;
}

int ear_open(const char *interface, uint32_t ifindex, uint16_t ethertype, struct ear **ret_ear, struct problem *problem)
{
    struct ear *ear = calloc(1, sizeof(*ear));
    int rc;

    if (ear == NULL) {
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    ear->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    rc = ear->fd < 0 ? -errno : set_up(ear->fd, ifindex, ethertype);
    if (rc < 0) {
        ear_close(ear);
        return problem_set(problem, rc, "%s: opening a socket that hears neighbours: %s", interface, strerror(-rc));
    }
    *ret_ear = ear;
    return 0;
}

void ear_close(struct ear *ear)
{
    if (ear == NULL) {
        return;
    }
    if (ear->fd >= 0) {
        close(ear->fd);
    }
    free(ear);
}

void ear_receive(struct ear *ear, link_take_fn *take, void *context)
{
    uint8_t bytes[FRAME_BYTES];

    for (int i = 0; i < FRAMES_AT_ONCE; i++) {
        ssize_t length = recv(ear->fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_TRUNC);
        struct link_frame frame = {.bytes = bytes};
        if (length < 0) {
            return; /* nothing more; that the interface is down is told elsewhere */
        }
        if ((size_t)length > sizeof(bytes)) {
            continue; /* none of a neighbour */
        }
        frame.length = (size_t)length;
        take(context, &frame);
    }
}
