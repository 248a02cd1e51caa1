use strict;
use warnings;
use threads;
use lib ".";
use Twice;

my ($mode, @rest) = split ' ', join ' ', <STDIN>;
print "hello\n" if $mode eq "hello";
print Twice::twice($rest[0] + $rest[1]), "\n" if $mode eq "sum";
exit 7 if $mode eq "exit";
if ($mode eq "memory") { my @kept; push @kept, "x" x (1 << 20) . @kept while 1; }
if ($mode eq "spin") { 1 while 1; }
if ($mode eq "threads") {
    my @threads = map { threads->create(sub { my $part = 0; $part += $_ for 0 .. 99; return $part }) } 1 .. 4;
    my $total = 0;
    $total += $_->join for @threads;
    print "$total\n";
}
