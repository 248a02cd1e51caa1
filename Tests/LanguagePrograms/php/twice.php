<?php
function twice($number) {
    return 2 * $number;
}
