#!/usr/bin/perl
# Answers one of Kafka's requests, ApiVersions in versions 0 to 3, on standard input and output (inetd's child); anything
# else ends the connection, as a broker does with what it cannot read. By the public protocol guide (kafka.apache.org/protocol):
# sizes and integers are big-endian; a request is size, api_key, api_version, correlation_id, client_id; ApiVersions has key 18.
use strict;
use warnings;

use constant {API_VERSIONS => 18, UNSUPPORTED_VERSION => 35, SIZE_MAX => 4096};

# Key, lowest and highest version of what a small broker offers: Produce, Fetch, ListOffsets, Metadata, ApiVersions.
my @apis = ([0, 0, 9], [1, 0, 12], [2, 0, 7], [3, 0, 12], [API_VERSIONS, 0, 3]);

sub receive {
    my ($size) = @_;
    my $bytes = '';
    while (length $bytes < $size) {
        my $got = sysread STDIN, $bytes, $size - length $bytes, length $bytes;
        exit 0 if !$got;
    }
    return $bytes;
}

# Version 3 is "flexible": a compact array (its length plus one, as a varint) and empty tagged fields.
sub body {
    my ($version, $error) = @_;
    my @rows = map { pack 'n3', @$_ } @apis;
    if ($version < 3) {
        my $throttle = $version > 0 ? pack('N', 0) : '';
        return pack('n N', $error, scalar @rows) . join('', @rows) . $throttle;
    }
    return pack('n C', $error, @rows + 1) . join('', map { $_ . "\0" } @rows) . pack('N C', 0, 0);
}

$SIG{ALRM} = sub { exit 0 };
alarm 30;
while (1) {
    my $size = unpack 'N', receive(4);
    exit 0 if $size < 8 || $size > SIZE_MAX;
    my ($key, $version, $correlation) = unpack 'n n N', receive($size);
    exit 0 if $key != API_VERSIONS;
    # To a version that it does not know, a broker answers in version 0.
    my $answer = $version > 3 ? body(0, UNSUPPORTED_VERSION) : body($version, 0);
    syswrite STDOUT, pack('N N', 4 + length $answer, $correlation) . $answer;
}
