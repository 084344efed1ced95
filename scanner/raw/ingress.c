#include "scanner/raw/ingress.h"

#include <assert.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    /* Of linux/bpf.h since 6.6; older headers lack them. */
    ATTACH_TCX_INGRESS = 46,
    VERDICT_NEXT = -1,
    VERDICT_DROP = 2,
    CONTEXT = 1, /* registers: what the program is called with, */
    DATA = 2,    /* where the frame begins, */
    END = 3,     /* where what lies in one piece of it ends, */
    EDGE = 4,
    VALUE = 5,
    PORT = 0,
    IPV4_AT = ETHER_HDR_LEN,
    IPV6_AT = ETHER_HDR_LEN,
    TCP4_AT = IPV4_AT + 20,
    TCP6_AT = IPV6_AT + 40,
    TCP_SIZE = 20,
    TCP_FLAGS_AT = 13,
    TCP_RST = 0x04,
    IPV4_NO_OPTIONS = 0x45,
    IPV4_FRAGMENT = 0x3fff, /* more of them, or an offset */
};

/* As bpftool shows it. */
static const char NAME[] = "leastport_rst";
/* None that its helpers ask for: it calls none. */
static const char LICENSE[] = "";

/* All jumps go forwards, to a place that is known later. */
enum target { ON, PASS, IPV6, OURS4, OURS6, JUDGE, TARGETS };

struct draft {
    struct bpf_insn *program;
    size_t count;
    uint8_t target[INGRESS_MAX];
    size_t at[TARGETS];
};

static void put(struct draft *draft, struct bpf_insn instruction)
{
    assert(draft->count < INGRESS_MAX);
    draft->target[draft->count] = ON;
    draft->program[draft->count++] = instruction;
}

static void put_jump(struct draft *draft, struct bpf_insn instruction, enum target target)
{
    put(draft, instruction);
    draft->target[draft->count - 1] = (uint8_t)target;
}

static void load(struct draft *draft, int size, unsigned int into, unsigned int from, size_t offset)
{
    put(draft, (struct bpf_insn){.code = (uint8_t)(BPF_LDX | BPF_MEM | size),
                                 .dst_reg = into & 0xf,
                                 .src_reg = from & 0xf,
                                 .off = (int16_t)offset});
}

/* The comparison is one of 32 bits with what is given here. */
static struct bpf_insn test_of(int test, unsigned int reg, uint32_t value)
{
    return (struct bpf_insn){.code = (uint8_t)(BPF_JMP32 | test | BPF_K), .dst_reg = reg & 0xf, .imm = (int32_t)value};
}

static void jump(struct draft *draft, int test, unsigned int reg, uint32_t value, enum target target)
{
    put_jump(draft, test_of(test, reg, value), target);
}

/* Over so many instructions. */
static void skip(struct draft *draft, int test, unsigned int reg, uint32_t value, size_t count)
{
    put(draft, test_of(test, reg, value));
    draft->program[draft->count - 1].off = (int16_t)count;
}

static void jump_always(struct draft *draft, enum target target)
{
    put_jump(draft, (struct bpf_insn){.code = BPF_JMP | BPF_JA}, target);
}

static void leave(struct draft *draft, int32_t verdict)
{
    put(draft, (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = verdict});
    put(draft, (struct bpf_insn){.code = BPF_JMP | BPF_EXIT});
}

static void label(struct draft *draft, enum target target)
{
    draft->at[target] = draft->count;
}

/* The verifier wants to see it before the bytes are read. */
static void want_bytes(struct draft *draft, size_t length)
{
    put(draft, (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = EDGE, .src_reg = DATA});
    put(draft, (struct bpf_insn){.code = BPF_ALU64 | BPF_ADD, .dst_reg = EDGE, .imm = (int32_t)length});
    put_jump(draft, (struct bpf_insn){.code = BPF_JMP | BPF_JGT | BPF_X, .dst_reg = EDGE, .src_reg = END}, PASS);
}

static uint32_t word_of(const struct addr *addr, size_t word)
{
    uint32_t value;

    memcpy(&value, addr->bytes + word * sizeof(value), sizeof(value));
    return value;
}

static void compare4(struct draft *draft, const struct addr *own, size_t count)
{
    load(draft, BPF_W, VALUE, DATA, IPV4_AT + 16);
    for (size_t i = 0; i < count; i++) {
        if (!own[i].is_ipv6) {
            jump(draft, BPF_JEQ, VALUE, word_of(&own[i], 0), OURS4);
        }
    }
    jump_always(draft, PASS);
}

static void compare6(struct draft *draft, const struct addr *own, size_t count)
{
    enum { WORDS = 4, STEPS = 2 };

    for (size_t i = 0; i < count; i++) {
        for (size_t word = 0; own[i].is_ipv6 && word < WORDS; word++) {
            load(draft, BPF_W, VALUE, DATA, IPV6_AT + 24 + word * sizeof(uint32_t));
            /* Past the other words and the jump behind them, to the next address. */
            skip(draft, BPF_JNE, VALUE, word_of(&own[i], word), (WORDS - 1 - word) * STEPS + 1);
        }
        if (own[i].is_ipv6) {
            jump_always(draft, OURS6);
        }
    }
    jump_always(draft, PASS);
}

static void load_tcp(struct draft *draft, size_t at)
{
    load(draft, BPF_B, VALUE, DATA, at + TCP_FLAGS_AT);
    load(draft, BPF_H, PORT, DATA, at + 2);
}

static void ipv4(struct draft *draft, const struct addr *own, size_t count)
{
    load(draft, BPF_B, VALUE, DATA, IPV4_AT);
    jump(draft, BPF_JNE, VALUE, IPV4_NO_OPTIONS, PASS);
    load(draft, BPF_B, VALUE, DATA, IPV4_AT + 9);
    jump(draft, BPF_JNE, VALUE, IPPROTO_TCP, PASS);
    load(draft, BPF_H, VALUE, DATA, IPV4_AT + 6);
    jump(draft, BPF_JSET, VALUE, htons(IPV4_FRAGMENT), PASS);
    compare4(draft, own, count);
    label(draft, OURS4);
    load_tcp(draft, TCP4_AT);
    jump_always(draft, JUDGE);
}

static void ipv6(struct draft *draft, const struct addr *own, size_t count)
{
    want_bytes(draft, TCP6_AT + TCP_SIZE);
    load(draft, BPF_B, VALUE, DATA, IPV6_AT + 6);
    jump(draft, BPF_JNE, VALUE, IPPROTO_TCP, PASS);
    compare6(draft, own, count);
    label(draft, OURS6);
    load_tcp(draft, TCP6_AT);
}

static bool has_family(const struct addr *own, size_t count, bool is_ipv6)
{
    for (size_t i = 0; i < count; i++) {
        if (own[i].is_ipv6 == is_ipv6) {
            return true;
        }
    }
    return false;
}

/* To this machine by its hardware address, with room for the shortest frame that ends here. */
static void begin(struct draft *draft)
{
    load(draft, BPF_W, VALUE, CONTEXT, offsetof(struct __sk_buff, pkt_type));
    jump(draft, BPF_JNE, VALUE, PACKET_HOST, PASS);
    load(draft, BPF_W, DATA, CONTEXT, offsetof(struct __sk_buff, data));
    load(draft, BPF_W, END, CONTEXT, offsetof(struct __sk_buff, data_end));
    want_bytes(draft, TCP4_AT + TCP_SIZE);
    load(draft, BPF_H, VALUE, DATA, ETHER_HDR_LEN - 2);
}

static void end(struct draft *draft, uint16_t first_port, uint16_t last_port)
{
    label(draft, JUDGE);
    skip(draft, BPF_JSET, VALUE, TCP_RST, 1);
    jump_always(draft, PASS);
    put(draft, (struct bpf_insn){.code = BPF_ALU | BPF_END | BPF_TO_BE, .dst_reg = PORT, .imm = 16});
    jump(draft, BPF_JLT, PORT, first_port, PASS);
    jump(draft, BPF_JGT, PORT, last_port, PASS);
    leave(draft, VERDICT_DROP);
    label(draft, PASS);
    leave(draft, VERDICT_NEXT);
}

static void resolve(struct draft *draft)
{
    for (size_t i = 0; i < draft->count; i++) {
        if (draft->target[i] != ON) {
            draft->program[i].off = (int16_t)(draft->at[draft->target[i]] - i - 1);
        }
    }
}

size_t ingress_build(uint16_t first_port, uint16_t last_port, const struct addr *own, size_t count,
                     struct bpf_insn program[INGRESS_MAX])
{
    struct draft draft = {.program = program};
    bool with_ipv4 = has_family(own, count, false);
    bool with_ipv6 = has_family(own, count, true);

    assert(count <= INGRESS_ADDRS_MAX);
    begin(&draft);
    if (with_ipv6) {
        jump(&draft, BPF_JEQ, VALUE, htons(ETHERTYPE_IPV6), IPV6);
    }
    jump(&draft, BPF_JNE, VALUE, htons(ETHERTYPE_IP), PASS);
    if (with_ipv4) {
        ipv4(&draft, own, count);
    } else {
        jump_always(&draft, PASS);
    }
    if (with_ipv6) {
        label(&draft, IPV6);
        ipv6(&draft, own, count);
    }
    end(&draft, first_port, last_port);
    resolve(&draft);
    return draft.count;
}

/* What arrives by the interface may go on to others. Where that cannot be read the family is not in use. */
static bool forwards(const char *interface, const char *family)
{
    char path[128];
    char text[2] = "0";
    FILE *file;

    snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/forwarding", family, interface);
    file = fopen(path, "re");
    if (file == NULL) {
        return errno != ENOENT;
    }
    if (fread(text, 1, 1, file) != 1) {
        text[0] = '?';
    }
    fclose(file);
    return text[0] != '0';
}

/* Those of the interface, of the families that are probed; probes from others are left to this machine's IP. */
static int find_own(const struct link_options *options, struct addr own[INGRESS_ADDRS_MAX], size_t *ret_count)
{
    struct ifaddrs *interfaces;
    struct addr addr;

    *ret_count = 0;
    if (getifaddrs(&interfaces) < 0) {
        return -errno;
    }
    for (const struct ifaddrs *at = interfaces; at != NULL && *ret_count < INGRESS_ADDRS_MAX; at = at->ifa_next) {
        if (at->ifa_addr != NULL && strcmp(at->ifa_name, options->interface) == 0 &&
            addr_from_sockaddr(at->ifa_addr, &addr, NULL) == 0 &&
            (addr.is_ipv6 ? options->filter.ipv6 : options->filter.ipv4)) {
            own[(*ret_count)++] = addr;
        }
    }
    freeifaddrs(interfaces);
    return *ret_count > 0 ? 0 : -EADDRNOTAVAIL;
}

static int call(enum bpf_cmd command, union bpf_attr *attributes)
{
    long fd = syscall(SYS_bpf, command, attributes, sizeof(*attributes));

    return fd < 0 ? -errno : (int)fd;
}

static int attach(const struct link_options *options, const struct addr *own, size_t count)
{
    struct bpf_insn program[INGRESS_MAX];
    union bpf_attr attributes;
    int loaded;
    int linked;

    /* All of it, as the kernel wants zeroes behind what it reads. */
    memset(&attributes, 0, sizeof(attributes));
    attributes.prog_type = BPF_PROG_TYPE_SCHED_CLS;
    memcpy(attributes.prog_name, NAME, sizeof(NAME));
    attributes.insns = (uint64_t)(uintptr_t)program;
    attributes.insn_cnt =
        (uint32_t)ingress_build(options->filter.first_port, options->filter.last_port, own, count, program);
    attributes.license = (uint64_t)(uintptr_t)LICENSE;
    loaded = call(BPF_PROG_LOAD, &attributes);
    if (loaded < 0) {
        return loaded;
    }
    memset(&attributes, 0, sizeof(attributes));
    attributes.link_create.prog_fd = (uint32_t)loaded;
    attributes.link_create.target_ifindex = options->ifindex;
    attributes.link_create.attach_type = ATTACH_TCX_INGRESS;
    linked = call(BPF_LINK_CREATE, &attributes);
    close(loaded);
    return linked;
}

int ingress_open(const struct link_options *options)
{
    struct addr own[INGRESS_ADDRS_MAX];
    size_t count;
    int rc;

    if (forwards(options->interface, "ipv4") || forwards(options->interface, "ipv6")) {
        return -EOPNOTSUPP;
    }
    rc = find_own(options, own, &count);
    return rc < 0 ? rc : attach(options, own, count);
}
