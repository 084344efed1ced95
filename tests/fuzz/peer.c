#include "tests/fuzz/peer.h"

#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct {
    struct sockaddr_un address;
    int fd;
    sem_t work;
    sem_t done;
    const uint8_t *data;
    size_t size;
} peer;

/* The fuzzer's timer interrupts whoever waits. */
static void peer_wait_for(sem_t *sem)
{
    while (sem_wait(sem) != 0) {
        assert(errno == EINTR);
    }
}

static void peer_serve(int fd)
{
    char heard[65536];

    (void)!recv(fd, heard, sizeof(heard), 0);
    /* What the client does not stay for is lost. */
    (void)send(fd, peer.data, peer.size, MSG_NOSIGNAL);
    (void)shutdown(fd, SHUT_WR);
    while (recv(fd, heard, sizeof(heard), 0) > 0) {
    }
    close(fd);
}

static void *peer_run(void *context)
{
    (void)context;
    for (;;) {
        int fd;
        peer_wait_for(&peer.work);
        fd = accept4(peer.fd, NULL, NULL, SOCK_CLOEXEC);
        assert(fd >= 0);
        peer_serve(fd);
        sem_post(&peer.done);
    }
    return NULL;
}

static void peer_listen(void)
{
    pthread_t thread;
    sigset_t all;
    sigset_t before;

    peer.address.sun_family = AF_UNIX;
    assert(snprintf(peer.address.sun_path, sizeof(peer.address.sun_path), "%s/peer.sock", fuzz_folder()) > 0);
    peer.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(peer.fd >= 0 && bind(peer.fd, (const struct sockaddr *)&peer.address, sizeof(peer.address)) == 0);
    assert(listen(peer.fd, 1) == 0 && sem_init(&peer.work, 0, 0) == 0 && sem_init(&peer.done, 0, 0) == 0);
    /* Signals are for the thread that the harness runs in. */
    assert(sigfillset(&all) == 0 && pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    assert(pthread_create(&thread, NULL, peer_run, NULL) == 0 && pthread_detach(thread) == 0);
    assert(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

const char *peer_path(void)
{
    if (peer.fd == 0) {
        peer_listen();
    }
    return peer.address.sun_path;
}

void peer_say(const uint8_t *data, size_t size)
{
    peer.data = data;
    peer.size = size;
    sem_post(&peer.work);
}

void peer_wait(void)
{
    peer_wait_for(&peer.done);
}
