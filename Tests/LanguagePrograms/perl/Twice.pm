package Twice;

sub twice { return 2 * $_[0] }

1;
