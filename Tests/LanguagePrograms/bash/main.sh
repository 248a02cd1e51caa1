source ./twice.sh
read -r mode
case $mode in
hello) echo hello ;;
sum)
    read -r a b
    twice $((a + b))
    ;;
exit) exit 7 ;;
memory)
    kept=x
    while true; do kept+=$kept; done
    ;;
spin) while true; do :; done ;;
threads)
    for _ in 1 2 3 4; do (for ((i = total = 0; i < 100; i++)); do ((total += i)); done && echo $total) & done |
        { total=0 && while read -r part; do ((total += part)); done && echo $total; }
    wait
    ;;
esac
exit 0
