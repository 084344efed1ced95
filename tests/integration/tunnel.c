/* tunnel NAME NAMESPACE: a point-to-point interface here and one in the other network namespace, both called NAME,
 * whose packets go from one to the other until it is killed (tun(4): the kernel's Documentation/networking/tuntap.rst).
 * Prints "ready" when both are there. */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { PACKET_MAX = 65536 };

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int open_end(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
        fail("/dev/net/tun");
    }
    return fd;
}

static void carry(int from, int to)
{
    static char packet[PACKET_MAX];
    ssize_t length = read(from, packet, sizeof(packet));

    /* What finds no room, or an end that is down, is lost, as on a cable. */
    if (length > 0 && write(to, packet, (size_t)length) < 0) {
        return;
    }
}

int main(int argc, char **argv)
{
    struct pollfd ends[2] = {{.events = POLLIN}, {.events = POLLIN}};
    int other;

    if (argc != 3) {
        fprintf(stderr, "usage: tunnel NAME NAMESPACE\n");
        return 2;
    }
    ends[0].fd = open_end(argv[1]);
    other = open(argv[2], O_RDONLY | O_CLOEXEC);
    if (other < 0 || setns(other, CLONE_NEWNET) < 0) {
        fail(argv[2]);
    }
    ends[1].fd = open_end(argv[1]);
    puts("ready");
    fflush(stdout);
    while (poll(ends, 2, -1) >= 0) {
        carry(ends[0].fd, ends[1].fd);
        carry(ends[1].fd, ends[0].fd);
    }
    return 0;
}
