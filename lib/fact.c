#include "lib/fact.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const struct fact_kind kinds[] = {
    {"auth", FACT_TEXT, "\"none\" when it was shown that no credential is needed, \"required\" when one was asked for"},
    {"auth.methods", FACT_TEXT, "ways to authenticate that the server offers"},
    {"banner", FACT_TEXT, "the first line that the server says of itself"},
    {"behaviour", FACT_TEXT,
     "what a port that is no service does: silent, closes, resets, zero-window, every-port; not-asked: printers print "
     "what they are sent"},
    {"cert.days_left", FACT_NUMBER, "days until the certificate ends, on the day of the question"},
    {"cert.issuer", FACT_TEXT, "the certificate's issuer (RFC 4514)"},
    {"cert.key", FACT_TEXT, "the kind of the certificate's key: RSA, ECDSA, …"},
    {"cert.key_bits", FACT_NUMBER, "its size"},
    {"cert.name_mismatch", FACT_TRUTH, "whether the certificate names another host than the one that was asked"},
    {"cert.names", FACT_TEXT, "the names that the certificate is for, with blanks between"},
    {"cert.not_after", FACT_TIME, "when the certificate ends"},
    {"cert.not_before", FACT_TIME, "when the certificate begins"},
    {"cert.sha256", FACT_TEXT, "the certificate's fingerprint"},
    {"cert.signature", FACT_TEXT, "what the certificate is signed by: RSA-SHA256, …"},
    {"cert.subject", FACT_TEXT, "the certificate's subject (RFC 4514)"},
    {"cert.verdict", FACT_TEXT, "trusted, self-signed, unknown-issuer, expired, not-yet-valid, or bad"},
    {"cert.weak", FACT_TRUTH, "whether key or signature is too weak for today"},
    {"cleartext", FACT_TRUTH, "whether it serves without encryption"},
    {"cpe", FACT_TEXT, "the product as CPE 2.3 names it"},
    {FACT_DECLARED, FACT_TEXT,
     "whether a cloud's rules let the internet reach the port: reachable, conditional, unknown, blocked-return, "
     "blocked"},
    {"dns.recursion", FACT_TRUTH, "whether it looks names up for whoever asks"},
    {"door", FACT_TEXT, "the question that was answered although nobody had shown a credential"},
    {"hostname", FACT_TEXT, "what the server calls its host"},
    {"http.auth", FACT_TEXT, "how the page asks for authentication: a scheme's name, or \"form\""},
    {"http.body_sha256", FACT_TEXT,
     "digest of the page, to tell the same page elsewhere; not of pages that everybody has"},
    {"http.hsts", FACT_TRUTH, "whether the page asks browsers to stay with https (RFC 6797)"},
    {"http.location", FACT_TEXT, "where the page redirects to"},
    {"http.redirects", FACT_TEXT, "the addresses that the redirects lead over, with blanks between"},
    {"http.server", FACT_TEXT, "the field Server of the answer"},
    {"http.status", FACT_NUMBER, "the status of the answer"},
    {"http.title", FACT_TEXT, "the page's title"},
    {"http.via", FACT_TEXT, "the field Via of the answer: the proxies that it came by"},
    {"os", FACT_TEXT, "the operating system that the server names"},
    {"product", FACT_TEXT, "the program's name"},
    {"redirects_to_https", FACT_TRUTH, "whether the page only leads to https"},
    {"service", FACT_TEXT, "the protocol that answers"},
    {"smb.dialect", FACT_VERSION, "the newest dialect of SMB that it speaks with us"},
    {"smb.signing", FACT_TRUTH, "whether it insists on signed messages"},
    {"smb.v1", FACT_TRUTH, "whether it still speaks SMB 1"},
    {"starttls", FACT_TRUTH, "whether the server offers to go over to TLS"},
    {"tls", FACT_TRUTH, "whether TLS is spoken from the first byte"},
    {"tls.alert", FACT_TEXT, "the alert by which TLS was refused: internal_error, unrecognized_name, ..."},
    {"tls.required", FACT_TRUTH, "whether the server refuses to go on without TLS"},
    {"tls.version", FACT_VERSION, "the lowest version of TLS that is accepted"},
    {"tls.versions", FACT_TEXT, "all that are accepted, with blanks between"},
    {"version", FACT_VERSION, "the program's version"},
};

const struct fact_kind *fact_kinds(size_t *ret_count)
{
    *ret_count = sizeof(kinds) / sizeof(*kinds);
    return kinds;
}

static int compare_name(const void *name, const void *kind)
{
    return strcmp(name, ((const struct fact_kind *)kind)->name);
}

const struct fact_kind *fact_kind_find(const char *name)
{
    return bsearch(name, kinds, sizeof(kinds) / sizeof(*kinds), sizeof(*kinds), compare_name);
}

static const char *digits_end(const char *text)
{
    while (isdigit((unsigned char)*text)) {
        text++;
    }
    return text;
}

/* Numbers of any length: by their digits, without leading zeros. */
static int compare_numbers(const char **a, const char **b)
{
    const char *a_end = digits_end(*a);
    const char *b_end = digits_end(*b);
    int order;

    while (**a == '0' && *a + 1 < a_end) {
        (*a)++;
    }
    while (**b == '0' && *b + 1 < b_end) {
        (*b)++;
    }
    if (a_end - *a != b_end - *b) {
        order = a_end - *a < b_end - *b ? -1 : 1;
    } else {
        order = strncmp(*a, *b, (size_t)(a_end - *a));
    }
    *a = a_end;
    *b = b_end;
    return order;
}

int fact_compare_versions(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        int order;
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            order = compare_numbers(&a, &b);
        } else {
            order = (unsigned char)*a++ - (unsigned char)*b++;
        }
        if (order != 0) {
            return order;
        }
    }
    return (unsigned char)*a - (unsigned char)*b;
}
