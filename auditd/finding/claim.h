/* Findings that no scan has seen: what a cloud declares is held against an asset, whether or not anything answers. Each
 * claim that holds has a finding, which is over when the claim is. */
#ifndef LEASTPORT_AUDITD_FINDING_CLAIM_H
#define LEASTPORT_AUDITD_FINDING_CLAIM_H

#include "auditd/policy/judge.h"
#include "auditd/store/asset.h"
#include "auditd/store/store.h"

struct policy;

/* VERDICT_ALLOWED: the policy allows what is claimed. Its kind is one of STORE_KINDS_CLAIMED. */
struct claim {
    bool is_udp;
    uint16_t port; /* the first that it is about; 0: it is about none */
    struct verdict verdict;
    char *evidence; /* JSON; NULL: nothing but what the verdict says. Owned */
};

/* Ports of which it is not known what is declared: what was claimed of them stays as it was. */
struct claim_doubt {
    bool is_udp;
    uint16_t first, last;
    const char *kind; /* NULL: every kind. Lives for ever */
};

/* {0} is empty; ended by claims_done(). */
struct claims {
    struct claim *items;
    size_t count;
    struct claim_doubt *doubts;
    size_t doubt_count;
};

/* A new last one, zeroed; NULL when out of memory. */
struct claim *claims_add(struct claims *claims);
MUST_USE int claims_doubt(struct claims *claims, const struct claim_doubt *doubt);
void claims_done(struct claims *claims);

struct claim_asset;
struct stored_finding;

enum claim_turn { CLAIM_OPENS, CLAIM_IS_ALLOWED, CLAIM_ALTERS };

/* What the claim does to its finding. Borrowed for the call. */
struct claim_change {
    enum claim_turn turn;
    const struct claim_asset *asset;
    const struct claim *claim;
    const struct stored_finding *finding; /* as it was; NULL: there was none */
};

struct claim_options {
    const struct policy *policy;
    int64_t policy_id;
    int64_t now_ms;
    int64_t max_age_ms; /* older looks count for nothing */
    const char *actor;
    const char *reason; /* why it is judged now: "an inventory changed" */
    int64_t scan_id;    /* only the hosts that this scan looked at; 0: every host */
    /* Nothing is written: a store that only reads will do. What is over whatever the policy says is not told then. */
    bool dry_run;
    void (*on_change)(void *context, const struct claim_change *change); /* may be NULL */
    void *context;
};

/* An asset and what is known of it. Borrows. */
struct claim_asset {
    int64_t id;
    const struct store_known *known;
    const char *realm;
};

/* Makes the asset's findings those that are claimed. Inside a transaction. How many began or moved; the store's errors,
 * -ENOMEM. */
MUST_USE int claims_settle(struct store *store, const struct claim_options *options, const struct claim_asset *asset,
                           const struct claims *claims);

/* Makes the asset's findings those of what is declared now. Inside a transaction. How many findings began or moved; the
 * store's errors, -ENOMEM. */
MUST_USE int claim_asset(struct store *store, const struct claim_options *options, const struct claim_asset *asset);

/* Those of `options->scan_id`, or every asset, of which a cloud declares something or did so, and then the networks
 * themselves. Inside a transaction; as claim_asset(). */
MUST_USE int claim_every(struct store *store, const struct claim_options *options);

#endif
