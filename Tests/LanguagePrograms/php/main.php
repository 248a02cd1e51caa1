<?php
require "twice.php";

$words = preg_split('/\s+/', stream_get_contents(STDIN));
if ($words[0] === "hello") echo "hello\n";
if ($words[0] === "sum") echo twice($words[1] + $words[2]), "\n";
if ($words[0] === "exit") exit(7);
if ($words[0] === "memory") for ($kept = [];;) $kept[] = str_repeat("x", 1 << 20);
if ($words[0] === "spin") while (true);
